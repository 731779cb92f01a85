-- Which history of the platform's database each close was read from. A history is a cluster's log
-- along its timelines. After a failover the log of the old primary may hold commits that the new
-- primary never had: closes that were read from that part of the log are closed again.

-- One row for each history that closes are read from; the last row is the current one. The first
-- close adopts its primary's history, every later one is acknowledged by a person.
create table reporting.platform_histories (
    history_id bigint generated always as identity primary key,
    system_identifier text not null,
    timeline integer not null check (timeline > 0),
    -- The earlier timelines and where each ended, such as 1@0/3000148; null if it was not readable.
    switch_points text,
    is_adopted boolean not null default false,
    acknowledged_by text,
    reason text,
    run_id text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    constraint platform_histories_acknowledged
    check (
        is_adopted
        or (coalesce(acknowledged_by, '') ~ '\S' and coalesce(reason, '') ~ '\S')
    )
);

create unique index platform_histories_one_adopted on reporting.platform_histories (is_adopted)
where is_adopted;

-- For each acknowledged history, up to where each earlier history is the same log: what was read
-- from beyond that position may be lost.
create table reporting.lost_logs (
    acknowledged_history_id bigint not null
    references reporting.platform_histories (history_id),
    history_id bigint not null references reporting.platform_histories (history_id),
    common_lsn pg_lsn not null,
    primary key (acknowledged_history_id, history_id),
    check (history_id < acknowledged_history_id)
);

-- One row for each time that a version of a close was written or confirmed: from which history,
-- behind which fence, and how far the replica had replayed that history's log.
create table reporting.close_readings (
    reading_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    history_id bigint not null references reporting.platform_histories (history_id),
    fence_lsn pg_lsn not null,
    read_lsn pg_lsn not null check (read_lsn >= fence_lsn),
    replica_name text not null,
    run_id text not null,
    read_at timestamptz not null default clock_timestamp()
);

create index close_readings_position on reporting.close_readings (history_id, read_lsn);

create index close_readings_close_id on reporting.close_readings (close_id);

-- Under which history the counter was computed. It may fall once after a failover.
alter table reporting.counter_publications
add column history_id bigint references reporting.platform_histories (history_id);

grant select on
reporting.platform_histories,
reporting.lost_logs,
reporting.close_readings
to closebook_store, closebook_desk;
grant insert on
reporting.platform_histories,
reporting.lost_logs,
reporting.close_readings
to closebook_store;
