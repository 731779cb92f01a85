-- The counters of a server, primary or replica: one row.
--   postmaster_started_at and stats_reset_at change when the counters are reset;
--   index blocks are those of the platform's tables, counted since then;
--   flush_position is where the primary's log ends on its disk, null on a replica;
--   connection_limit leaves out the connections that are kept for superusers.
with index_blocks as (
    select
        coalesce(sum(idx_blks_hit), 0)::bigint as index_blocks_hit,
        coalesce(sum(idx_blks_read), 0)::bigint as index_blocks_read
    from pg_statio_user_indexes
),

counters as (
    select stats_reset
    from pg_stat_database
    where datname = current_database()
),

-- The control file of a primary names its timeline only after the first checkpoint on it.
timelines as (
    select
        case
            when pg_is_in_recovery() then restartpoint.timeline_id
            else
                ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
        end as timeline
    from pg_control_checkpoint() as restartpoint
)

select
    index_blocks.index_blocks_hit,
    index_blocks.index_blocks_read,
    counters.stats_reset as stats_reset_at,
    control.system_identifier::text as system_identifier,
    timelines.timeline,
    reporting_source.timeline_history(timelines.timeline) as switch_points,
    clock_timestamp() as observed_at,
    current_database() as database_name,
    current_user::text as role_name,
    pg_is_in_recovery() as in_recovery,
    pg_postmaster_start_time() as postmaster_started_at,
    case
        when not pg_is_in_recovery() then (pg_current_wal_flush_lsn() - '0/0')::bigint
    end as flush_position,
    current_setting('max_connections')::bigint
    - current_setting('superuser_reserved_connections')::bigint as connection_limit,
    exists(
        select 1
        from pg_extension
        where pg_extension.extname = 'pg_stat_statements'
    ) as has_statements
from index_blocks
cross join counters
cross join pg_control_system() as control
cross join timelines
