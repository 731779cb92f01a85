-- Writes that a person released or rejected a month, as the claim says. One row: the time. A
-- trigger of the table refuses a decision that has an obstacle.
select
    decision_id,
    decided_at
from reporting.record_decision(%(claim)s::text, %(proof)s::bytea)
