-- The months whose newest manifest lists statements without a document, without those that have a
-- reason for it, newest first: one row a month, with how many there are and the ids of the first 20
-- accounts. All months, or the one of a close.
with manifests as (
    select distinct on (closes.close_id)
        closes.close_id,
        closes.first_date,
        closes.close_version,
        statement_manifests.missing_count
    from reporting.closes
    inner join reporting.statement_manifests on closes.close_id = statement_manifests.close_id
    where
        closes.grain = 'month'
        and closes.is_current
        and (%(close_id)s::bigint is null or closes.close_id = %(close_id)s::bigint)
    order by closes.close_id asc, statement_manifests.manifest_id desc
),

incomplete as (
    select
        close_id,
        first_date,
        close_version
    from manifests
    where missing_count > 0
),

without_document as (
    select
        incomplete.close_id,
        versions.account_id,
        row_number() over (
            partition by incomplete.close_id order by versions.account_id asc, versions.currency asc
        ) as place
    from incomplete
    inner join reporting.statement_versions as versions
        on incomplete.close_id = versions.close_id
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
)

select
    incomplete.first_date,
    incomplete.close_version,
    count(*) as statement_count,
    array_agg(without_document.account_id order by without_document.place)
    filter (where without_document.place <= 20) as account_ids
from incomplete
inner join without_document on incomplete.close_id = without_document.close_id
group by incomplete.close_id, incomplete.first_date, incomplete.close_version
order by incomplete.first_date desc
