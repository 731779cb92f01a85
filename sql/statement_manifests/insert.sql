-- Writes a manifest. One row: its id. The same manifest written again is no row: it is there.
insert into reporting.statement_manifests (
    close_id,
    sha256,
    root_sha256,
    object_name,
    document_count,
    missing_count,
    exception_count,
    run_id,
    requested_by,
    reason
)
values (
    %(close_id)s,
    %(sha256)s,
    %(root_sha256)s,
    %(object_name)s,
    %(document_count)s,
    %(missing_count)s,
    %(exception_count)s,
    %(run_id)s,
    %(requested_by)s,
    %(reason)s
)
on conflict (close_id, sha256) do nothing
returning manifest_id
