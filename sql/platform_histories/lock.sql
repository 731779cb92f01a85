-- Locks the current history until the transaction ends: waits for all closes that are being
-- written, and lets none begin to write.
select pg_advisory_xact_lock(hashtextextended('closebook history', 0))
