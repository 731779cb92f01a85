-- Keeps the current history from being replaced until the transaction ends. Closes hold this lock
-- together.
select pg_advisory_xact_lock_shared(hashtextextended('closebook history', 0))
