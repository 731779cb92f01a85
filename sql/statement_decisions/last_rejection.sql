-- The last rejection of a close's manifests: one row, or none.
select
    decisions.decision_id,
    decisions.manifest_id,
    decisions.decided_by,
    decisions.decided_at,
    decisions.reason
from reporting.statement_decisions as decisions
inner join reporting.statement_manifests as manifests
    on decisions.manifest_id = manifests.manifest_id
where manifests.close_id = %(close_id)s and decisions.decision = 'rejected'
order by decisions.decision_id desc
limit 1
