-- Which server a read transaction is on, its snapshot, a position of the log that is not before
-- anything that the snapshot sees, and the encoding of the database's texts: one row.
select
    pg_is_in_recovery() as in_recovery,
    pg_postmaster_start_time() as postmaster_started_at,
    pg_current_snapshot()::text as snapshot_text,
    (pg_last_wal_replay_lsn() - '0/0')::bigint as replay_position,
    current_setting('server_encoding') as database_encoding;
