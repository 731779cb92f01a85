-- Locks the counter until the transaction ends; waits while another transaction has it locked.
-- guard: counter.numbered-in-order
select pg_advisory_xact_lock(hashtextextended('closebook counter', 0))
