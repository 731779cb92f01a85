-- The newest manifest of a month's current close: one row, or none before one was written.
with closes as (
    select close_id
    from reporting.closes
    where grain = 'month' and period_start = %(period_start)s and is_current
)

select
    manifests.manifest_id,
    manifests.close_id,
    manifests.sha256,
    manifests.root_sha256,
    manifests.document_count,
    manifests.missing_count,
    manifests.exception_count,
    manifests.written_at,
    manifests.reason
from reporting.statement_manifests as manifests
inner join closes on manifests.close_id = closes.close_id
order by manifests.manifest_id desc
limit 1
