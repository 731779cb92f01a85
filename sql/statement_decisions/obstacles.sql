-- Why a person may not decide so on the manifest that they were shown: one row an obstacle.
select
    obstacle,
    detail
from reporting.decision_obstacles(
    %(manifest_id)s::bigint, %(manifest_sha256)s::text, %(decision)s::text, %(person)s::text
)
