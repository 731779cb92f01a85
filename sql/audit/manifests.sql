-- All manifests in the order in which they were written: one row a manifest, with its month and
-- the accounts that the register has as its exceptions.
select
    manifests.manifest_id,
    manifests.close_id,
    manifests.sha256,
    manifests.root_sha256,
    manifests.object_name,
    manifests.document_count,
    manifests.missing_count,
    manifests.exception_count,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.first_date,
    closes.last_date,
    closes.grain,
    coalesce(
        (
            select
                jsonb_agg(
                    jsonb_build_object(
                        'subject', exceptions.subject,
                        'currency', exceptions.currency,
                        'reason', exceptions.reason
                    )
                    order by exceptions.subject, exceptions.currency
                )
            from reporting.manifest_exceptions as exceptions
            where exceptions.manifest_id = manifests.manifest_id
        ),
        '[]'::jsonb
    ) as exceptions
from reporting.statement_manifests as manifests
inner join reporting.closes on manifests.close_id = closes.close_id
order by manifests.manifest_id asc
