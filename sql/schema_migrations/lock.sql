-- Waits until nobody else migrates; held to the transaction's end.
select pg_advisory_xact_lock(hashtextextended('closebook migrations', 0))
