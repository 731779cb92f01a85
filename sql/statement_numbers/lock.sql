-- Locks the numbers of statements until the transaction ends, so that two months that are closed at
-- once do not give the same number.
select pg_advisory_xact_lock(hashtextextended('closebook statement numbers', 0))
