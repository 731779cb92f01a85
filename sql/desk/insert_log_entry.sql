-- Writes an entry of the desk's log, as the claim says; a trigger sets its number, time and hashes.
select reporting.record_log_entry(%(claim)s::text, %(proof)s::bytea)
