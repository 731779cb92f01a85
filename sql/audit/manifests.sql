-- All manifests in the order in which they were written: one row a manifest, with its month.
select
    manifests.manifest_id,
    manifests.close_id,
    manifests.sha256,
    manifests.root_sha256,
    manifests.object_name,
    manifests.document_count,
    manifests.missing_count,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.first_date,
    closes.last_date,
    closes.grain
from reporting.statement_manifests as manifests
inner join reporting.closes on manifests.close_id = closes.close_id
order by manifests.manifest_id asc
