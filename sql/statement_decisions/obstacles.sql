-- The reasons why a person may not make a decision on the manifest that they saw: one row an
-- obstacle.
with decision_obstacles as (
    select
        obstacle,
        detail
    from reporting.decision_obstacles(
        %(manifest_id)s::bigint, %(manifest_sha256)s::text, %(decision)s::text, %(person_id)s::text,
        %(run_acts)s::jsonb
    )
),

exception_obstacles as (
    select
        obstacle,
        detail
    from reporting.exception_obstacles(
        %(manifest_id)s::bigint, %(decision)s::text, %(named_exceptions)s::text[]
    )
)

select
    obstacle,
    detail
from decision_obstacles

union all

select
    obstacle,
    detail
from exception_obstacles
