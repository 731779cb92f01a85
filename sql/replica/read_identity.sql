-- Which server a read transaction is on, which snapshot it has, and the encoding of the database's
-- texts: one row.
select
    pg_is_in_recovery() as in_recovery,
    pg_postmaster_start_time() as postmaster_started_at,
    pg_current_snapshot()::text as snapshot_text,
    current_setting('server_encoding') as database_encoding;
