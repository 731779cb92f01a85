-- The statements of a close of a month that have no document, and no reason for that on record, by
-- account and currency: one row a statement, the first 20 of them, with how many there are in all.
-- `is_corrected` is true for one that a later close than the month's first one has issued.
with versions as (
    select
        account_id,
        currency,
        issued_close_id
    from reporting.statement_versions
    where close_id = %(close_id)s
)

select
    versions.account_id,
    versions.currency,
    issued.close_version > 1 as is_corrected,
    count(*) over () as statement_count,
    count(*) filter (where issued.close_version > 1) over () as corrected_count
from versions
inner join reporting.closes as issued on versions.issued_close_id = issued.close_id
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
left join reporting.documents_not_made as failures
    on
        versions.issued_close_id = failures.close_id
        and versions.account_id = failures.account_id
        and versions.currency = failures.currency
where documents.close_id is null and failures.close_id is null
order by is_corrected desc, versions.account_id asc, versions.currency asc
limit 20
