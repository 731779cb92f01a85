-- Writes that a person has set or lifted a legal hold, as the claim says, and the entry of the
-- desk's log: one row, its id.
select hold_id
from reporting.record_legal_hold(%(claim)s::text, %(proof)s::bytea)
