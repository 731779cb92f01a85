-- The documents of a month as it was released last, without the exceptions of that release, by
-- account and currency, from the one after after_account_id and after_currency on where these are
-- not null: one row a statement, at most row_count, with the manifest that was released.
with released as (
    select
        closes.close_id,
        closes.first_date,
        decisions.manifest_sha256,
        manifests.manifest_id,
        manifests.object_name as manifest_object_name
    from reporting.closes
    inner join reporting.statement_manifests as manifests on closes.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where
        closes.grain = 'month'
        and closes.period_start = %(month_start)s
        and decisions.decision = 'released'
    order by closes.close_id desc, manifests.manifest_id desc
    limit 1
)

select
    versions.issued_close_id as close_id,
    versions.account_id,
    versions.currency,
    versions.statement_version,
    released.first_date,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    released.manifest_sha256,
    released.manifest_object_name
from released
inner join reporting.statement_versions as versions on released.close_id = versions.close_id
inner join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
left join reporting.manifest_exceptions as exceptions
    on
        released.manifest_id = exceptions.manifest_id
        and versions.account_id::text = exceptions.subject
        and exceptions.currency in ('', versions.currency)
where
    (
        %(after_account_id)s::reporting.account_key is null
        or (versions.account_id, versions.currency)
        > (%(after_account_id)s::reporting.account_key, %(after_currency)s::text)
    )
    and exceptions.subject is null
order by versions.account_id asc, versions.currency asc
limit %(row_count)s
