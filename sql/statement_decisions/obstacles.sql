-- The reasons why a person may not make a decision on the manifest that they saw: one row an
-- obstacle.
select
    obstacle,
    detail
from reporting.decision_obstacles(
    %(manifest_id)s::bigint, %(manifest_sha256)s::text, %(decision)s::text, %(person_id)s::text,
    %(run_acts)s::jsonb
)
