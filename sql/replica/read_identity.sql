-- The first statement of a read transaction: which server and which snapshot it is. One row.
select
    pg_is_in_recovery() as in_recovery,
    pg_postmaster_start_time() as postmaster_started_at,
    pg_current_snapshot()::text as snapshot_text;
