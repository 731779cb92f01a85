-- The newest manifest of all months, and the newest of a close: one row. The columns of a manifest
-- that does not exist are null.
select
    (
        select sha256
        from reporting.statement_manifests
        order by manifest_id desc
        limit 1
    ) as previous_sha256,
    (
        select object_name
        from reporting.statement_manifests
        where close_id = %(close_id)s
        order by manifest_id desc
        limit 1
    ) as object_name
