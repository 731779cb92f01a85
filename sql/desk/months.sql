-- The closed months, newest first: one row a month, with its newest manifest and what was decided
-- on that one last.
with manifests as (
    select distinct on (closes.close_id)
        closes.close_id,
        statement_manifests.manifest_id,
        statement_manifests.document_count,
        statement_manifests.missing_count
    from reporting.closes
    inner join reporting.statement_manifests
        on closes.close_id = statement_manifests.close_id
    where closes.grain = 'month' and closes.is_current
    order by closes.close_id asc, statement_manifests.manifest_id desc
),

decisions as (
    select distinct on (manifests.manifest_id)
        manifests.manifest_id,
        statement_decisions.decision,
        statement_decisions.decided_by,
        statement_decisions.decided_at
    from manifests
    inner join reporting.statement_decisions
        on manifests.manifest_id = statement_decisions.manifest_id
    order by manifests.manifest_id asc, statement_decisions.decision_id desc
),

released_months as (
    select distinct closes.period_start
    from reporting.closes
    inner join reporting.statement_manifests on closes.close_id = statement_manifests.close_id
    inner join reporting.statement_decisions
        on statement_manifests.manifest_id = statement_decisions.manifest_id
    where closes.grain = 'month' and statement_decisions.decision = 'released'
)

select
    closes.period_start,
    closes.time_zone,
    closes.first_date,
    closes.close_version,
    closes.closed_at,
    closes.run_id,
    manifests.document_count,
    manifests.missing_count,
    decisions.decision,
    decisions.decided_by,
    decisions.decided_at,
    released_months.period_start is not null as has_released
from reporting.closes
left join manifests on closes.close_id = manifests.close_id
left join decisions on manifests.manifest_id = decisions.manifest_id
left join released_months on closes.period_start = released_months.period_start
where closes.grain = 'month' and closes.is_current
order by closes.period_start desc
