-- Those of the named versions of statements that are released: one row a version, in any order.
with selected as (
    select
        named.close_id,
        named.account_id,
        named.currency
    from
        unnest(
            %(close_ids)s::bigint[],
            %(account_ids)s::reporting.account_key[],
            %(currencies)s::text[]
        ) as named (close_id, account_id, currency)
)

select
    statements.close_id,
    statements.account_id,
    statements.currency,
    statements.statement_version,
    statements.account_number,
    statements.holder_name,
    closes.first_date,
    statements.sha256,
    statements.byte_count,
    statements.object_name,
    statements.manifest_sha256,
    statements.manifest_object_name,
    files.crc32,
    files.twins
from selected
inner join reporting.issued_statements as statements
    on
        selected.close_id = statements.close_id
        and selected.account_id = statements.account_id
        and selected.currency = statements.currency
inner join reporting.statement_files as files
    on
        statements.close_id = files.close_id
        and statements.account_id = files.account_id
        and statements.currency = files.currency
inner join reporting.closes on statements.close_id = closes.close_id
where statements.statement_state in ('released', 'superseded')  -- guard: desk.released-only-in-zip
order by statements.close_id asc, statements.account_id asc, statements.currency asc
