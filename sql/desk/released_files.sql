-- The files of the named statements of a close, in the versions that the close has: one row a
-- statement that has a document, in any order.
with named as (
    select
        given.account_id,
        given.currency
    from
        unnest(
            %(account_ids)s::reporting.account_key[],
            %(currencies)s::text[]
        ) as given (account_id, currency)
)

select
    files.close_id,
    files.account_id,
    files.currency,
    versions.statement_version,
    files.account_number,
    files.holder_name,
    files.sha256,
    files.byte_count,
    files.object_name,
    files.crc32,
    files.twins
from named
inner join reporting.statement_versions as versions
    on named.account_id = versions.account_id and named.currency = versions.currency
-- With the limit the planner looks up each statement, and joins no table as a whole.
cross join
    lateral (
        select
            made.close_id,
            made.account_id,
            made.currency,
            made.account_number,
            made.holder_name,
            made.sha256,
            made.byte_count,
            made.object_name,
            made.crc32,
            made.twins
        from reporting.statement_files as made
        where
            made.close_id = versions.issued_close_id
            and made.account_id = versions.account_id
            and made.currency = versions.currency
        limit 1 -- noqa: AM09
    ) as files
where versions.close_id = %(close_id)s
