-- The numbers of issued, released and missing statements of all months, as the last manifest of
-- each month's current close counts them: one row.
with manifests as (
    select distinct on (manifests.close_id)
        manifests.manifest_id,
        manifests.document_count,
        manifests.missing_count
    from reporting.statement_manifests as manifests
    inner join reporting.closes on manifests.close_id = closes.close_id
    where closes.is_current
    order by manifests.close_id asc, manifests.manifest_id desc
),

decided as (
    select
        manifests.document_count,
        manifests.missing_count,
        exists(
            select 1
            from reporting.statement_decisions as decisions
            where
                decisions.manifest_id = manifests.manifest_id
                and decisions.decision = 'released'
        ) as is_released
    from manifests
)

select
    coalesce(sum(document_count) filter (where not is_released), 0)::bigint as issued_count,
    coalesce(sum(document_count) filter (where is_released), 0)::bigint as released_count,
    coalesce(sum(missing_count), 0)::bigint as missing_count
from decided
