-- Locks the migrations until the transaction ends; waits while another transaction has the lock.
select pg_advisory_xact_lock(hashtextextended('closebook migrations', 0))
