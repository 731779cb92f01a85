-- How far the replica is and how busy: one row. postmaster_started_at names its incarnation.
select
    pg_is_in_recovery() as in_recovery,
    (pg_last_wal_replay_lsn() - '0/0')::bigint as replay_position,
    pg_last_xact_replay_timestamp() as last_replayed_at,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as replay_paused,
    pg_postmaster_start_time() as postmaster_started_at,
    (
        select count(*)
        from pg_locks
        where locktype = 'virtualxid' and mode = 'ExclusiveLock'
    ) as open_transactions;
