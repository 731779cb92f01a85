-- Locks the requests to issue statements again until the transaction ends, so that of two that come
-- at once the second one finds the first; waits while another transaction has them locked.
select pg_advisory_xact_lock(hashtextextended('closebook requests', 0))
