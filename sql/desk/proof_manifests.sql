-- The manifests of a month, newest first: one row a manifest.
select
    manifests.manifest_id,
    closes.close_version,
    manifests.sha256,
    manifests.root_sha256,
    manifests.document_count,
    manifests.missing_count,
    manifests.exception_count,
    manifests.written_at,
    manifests.run_id
from reporting.statement_manifests as manifests
inner join reporting.closes on manifests.close_id = closes.close_id
where closes.grain = 'month' and closes.period_start = %(month_start)s
order by manifests.manifest_id desc
