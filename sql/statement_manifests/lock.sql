-- Locks the list of manifests until the transaction ends, so that each names the one before it;
-- waits while another transaction has it locked.
select pg_advisory_xact_lock(hashtextextended('closebook manifests', 0))
