-- The fence: all that a close runs on the primary. Four statements, in this order, in one message.
-- plugins/closebook/platform/fence.py says why the four together are exact.

-- 1. The primary's own clock; which cluster and database this is; whether this role sees what
--    others do (without pg_monitor they would look idle).
select
    system_identifier::text as system_identifier,
    clock_timestamp() as observed_at,
    current_database() as database_name,
    pg_has_role('pg_read_all_stats', 'usage') as sees_all_backends
from pg_control_system();

-- 2. The oldest transaction of another backend of this database that could still commit rows.
--    A backend that has just begun may not have reported its transaction yet: then its
--    statement counts. One with track_activities off could hide anything: it comes first. Roles
--    that are known to write nothing are left out; a role that was dropped has no name and counts.
select
    pid,
    usename as role_name,
    application_name,
    state,
    coalesce(xact_start, query_start) as began_at
from pg_stat_activity
where
    datname = current_database()
    and pid <> pg_backend_pid()
    -- guard: fence.workers, fence.no-autovacuum
    and backend_type not in ('autovacuum worker', 'walsender')
    and (usename = any(%(read_only_roles)s)) is not true
    and (xact_start is not null or state <> 'idle')
order by began_at asc nulls first
limit 1;

-- 3. The prepared transactions, which do not show when they began: one row each. Read after the
--    backends: one that is prepared meanwhile moves from there to here, and so is seen once.
select
    transaction::text as transaction_id,
    gid,
    owner as role_name,
    prepared as prepared_at
from pg_prepared_xacts
where database = current_database()
order by prepared_at asc;

-- 4. Where the write-ahead log stands after all of that, on which timeline, and where the earlier
--    timelines of this log ended.
select
    (pg_current_wal_insert_lsn() - '0/0')::bigint as insert_position,
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer as timeline,
    reporting_source.timeline_history(
        ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    ) as switch_points,
    current_setting('wal_block_size')::bigint as block_bytes,
    pg_size_bytes(current_setting('wal_segment_size')) as segment_bytes;
