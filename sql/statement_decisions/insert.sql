-- Writes that a person released or rejected a month. One row: the time. A trigger of the table
-- refuses a decision that has an obstacle.
select
    decision_id,
    decided_at
from reporting.record_decision(
    %(manifest_id)s::bigint,
    %(manifest_sha256)s::text,
    %(decision)s::text,
    %(person_name)s::text,
    %(person_id)s::text,
    %(run_acts)s::jsonb,
    %(reason)s::text,
    %(named_exceptions)s::text[]
)
