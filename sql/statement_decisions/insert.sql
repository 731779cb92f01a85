-- Writes that a person released or rejected a month. One row: the time. A trigger of the table
-- refuses a release that has an obstacle.
select
    decision_id,
    decided_at
from reporting.record_decision(
    %(manifest_id)s::bigint,
    %(manifest_sha256)s::text,
    %(decision)s::text,
    %(person)s::text,
    %(reason)s::text
)
