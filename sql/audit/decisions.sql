-- All decisions beside the manifests that they name: one row a decision.
select
    decisions.decision_id,
    decisions.manifest_id,
    decisions.manifest_sha256,
    decisions.decision,
    decisions.decided_by,
    decisions.named_exceptions,
    manifests.sha256 as registered_sha256,
    array(
        select exceptions.subject
        from reporting.manifest_exceptions as exceptions
        where exceptions.manifest_id = decisions.manifest_id
        order by exceptions.subject
    ) as listed_exceptions
from reporting.statement_decisions as decisions
left join reporting.statement_manifests as manifests
    on decisions.manifest_id = manifests.manifest_id
order by decisions.decision_id asc
