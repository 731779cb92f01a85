-- Which server, cluster, database and snapshot a read transaction has: one row.
select
    system_identifier::text as system_identifier,
    pg_is_in_recovery() as in_recovery,
    pg_postmaster_start_time() as postmaster_started_at,
    pg_current_snapshot()::text as snapshot_text,
    current_database() as database_name
from pg_control_system();
