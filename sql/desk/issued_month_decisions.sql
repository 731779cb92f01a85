-- What was decided on the manifests of a month, newest first: one row a decision.
select
    decisions.decision,
    decisions.decided_by,
    decisions.decided_at,
    decisions.reason,
    decisions.manifest_sha256,
    closes.close_version,
    cardinality(decisions.named_exceptions) as exception_count
from reporting.statement_decisions as decisions
inner join reporting.statement_manifests as manifests
    on decisions.manifest_id = manifests.manifest_id
inner join reporting.closes on manifests.close_id = closes.close_id
where closes.grain = 'month' and closes.period_start = %(month_start)s
order by decisions.decision_id desc
