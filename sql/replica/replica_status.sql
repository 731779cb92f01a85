-- The status of a replica: its cluster and database, its position and timeline, and how many
-- transactions are open: one row. postmaster_started_at changes with each start of the server.
--   receiver_status and last_message_at are null when it is not connected to a primary;
--   announced_position is where the primary's log ended at the last message;
--   timeline is the one it receives, or else the newest that it is known to have replayed; on a
--     server that is no replica, the one it writes;
--   switch_points say where the earlier timelines of its log ended.
with receiver as (
    select
        status,
        timeline,
        last_message_at,
        announced_position
    from reporting_source.wal_receiver()
),

control as (
    select
        control_file.system_identifier::text as system_identifier,
        -- The control file names a new timeline only after the first checkpoint on it.
        case
            when pg_is_in_recovery()
                then greatest(restartpoint.timeline_id, recovery.min_recovery_end_timeline)
            else
                ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
        end as timeline
    from pg_control_system() as control_file
    cross join pg_control_checkpoint() as restartpoint
    cross join pg_control_recovery() as recovery
),

load as (
    select count(*) as open_transactions
    from pg_locks
    where locktype = 'virtualxid' and mode = 'ExclusiveLock'
)

select
    control.system_identifier,
    receiver.status as receiver_status,
    receiver.announced_position,
    receiver.last_message_at,
    load.open_transactions,
    clock_timestamp() as observed_at,
    current_database() as database_name,
    pg_is_in_recovery() as in_recovery,
    coalesce(receiver.timeline, control.timeline) as timeline,
    reporting_source.timeline_history(coalesce(receiver.timeline, control.timeline))
        as switch_points,
    (pg_last_wal_receive_lsn() - '0/0')::bigint as received_position,
    (pg_last_wal_replay_lsn() - '0/0')::bigint as replay_position,
    pg_last_xact_replay_timestamp() as last_replayed_at,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as replay_paused,
    pg_postmaster_start_time() as postmaster_started_at
from control
cross join load
left join receiver on true;
