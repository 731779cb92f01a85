-- Waits until nobody else computes the counter; held to the transaction's end.
-- guard: counter.numbered-in-order
select pg_advisory_xact_lock(hashtextextended('closebook counter', 0))
