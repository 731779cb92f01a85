-- The number and the size of a month's documents, as it was released last: one row. The page shows
-- them beside the button of the ZIP.
with released as (
    select
        closes.close_id,
        manifests.manifest_id
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
    count(documents.account_id) as document_count,
    coalesce(sum(documents.byte_count), 0)::bigint as byte_count
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
where exceptions.subject is null
