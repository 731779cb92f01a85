-- The exceptions of a month's close: one row an account and currency. Those that the close left out
-- have the reason of that; those whose document could not be made have the code of the last error.
with closed_without as (
    select
        subject,
        currency,
        reason
    from reporting.close_exceptions
    where close_id = %(close_id)s and subject_kind = 'account'
),

versions as (
    select
        account_id,
        currency,
        issued_close_id
    from reporting.statement_versions
    where close_id = %(close_id)s
),

not_made as (
    select distinct on (failures.account_id, failures.currency)
        failures.account_id::text as subject,
        failures.currency,
        failures.reason
    from versions
    inner join reporting.document_failures as failures
        on
            versions.issued_close_id = failures.close_id
            and versions.account_id = failures.account_id
            and versions.currency = failures.currency
    left join reporting.statement_documents as documents
        on
            versions.issued_close_id = documents.close_id
            and versions.account_id = documents.account_id
            and versions.currency = documents.currency
    where documents.close_id is null  -- guard: exceptions.a-document-that-is-made-is-none
    order by failures.account_id asc, failures.currency asc, failures.failure_id desc
)

select
    subject,
    currency,
    reason
from closed_without

union all

select
    subject,
    currency,
    reason
from not_made

order by subject asc, currency asc
