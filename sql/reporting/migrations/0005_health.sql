-- The health of the platform's servers, as the DAG database_health finds it every five minutes.

-- One row a server and collection. Counters are as the server has them, counted since it began;
-- health_intervals has what came to them. A server that did not answer has a problem, no figures.
create table reporting.health_samples (
    sample_id bigint generated always as identity primary key,
    collected_at timestamptz not null,
    server_name text not null,
    server_kind text not null check (server_kind in ('primary', 'replica')),
    problem text,
    postmaster_started_at timestamptz,
    stats_reset_at timestamptz,
    index_blocks_hit bigint,
    index_blocks_read bigint,
    lag_bytes bigint,
    lag_seconds double precision,
    connection_count bigint,
    connection_limit bigint,
    long_query_count bigint,
    longest_query_seconds double precision,
    statements_reset_at timestamptz,
    load_call_count bigint,
    load_ms double precision,
    load_row_count bigint,
    load_block_count bigint,
    unique (server_name, collected_at),
    check ((problem is null) = (postmaster_started_at is not null))
);

create index health_samples_collected_at on reporting.health_samples (collected_at);

create table reporting.health_connections (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    role_name text not null,
    state text not null,
    connection_count bigint not null check (connection_count > 0),
    primary key (sample_id, role_name, state)
);

-- The statements of other roles that are slow on average, without their text.
create table reporting.health_statements (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    role_name text not null,
    query_id bigint not null,
    call_count bigint not null check (call_count > 0),
    total_ms double precision not null,
    primary key (sample_id, role_name, query_id)
);

-- How a replica would run each query of the closes, and whether that is as it is meant.
create table reporting.health_plans (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    query_name text not null,
    meant_index text,
    scans text not null,
    is_as_meant boolean not null,
    primary key (sample_id, query_name)
);

-- What was beyond its threshold, or not as it is meant: one row each time that it was seen.
create table reporting.health_alerts (
    alert_id bigint generated always as identity primary key,
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    alert_name text not null,
    detail text not null
);

create index health_alerts_sample_id on reporting.health_alerts (sample_id);

-- What came to a server's counters between two samples: one row a sample, null where that is not
-- known. A counter that began anew, or one of another server under the same name, says nothing of
-- the interval; the next sample goes on from there.
create view reporting.health_intervals as
with pairs as (
    select
        sample_id,
        collected_at,
        server_name,
        server_kind,
        postmaster_started_at,
        stats_reset_at,
        statements_reset_at,
        index_blocks_hit,
        index_blocks_read,
        load_call_count,
        load_ms,
        load_row_count,
        load_block_count,
        lag(sample_id) over by_server as previous_sample_id,
        lag(collected_at) over by_server as previous_collected_at,
        lag(postmaster_started_at) over by_server as previous_started_at,
        lag(stats_reset_at) over by_server as previous_stats_reset_at,
        lag(statements_reset_at) over by_server as previous_statements_reset_at,
        lag(index_blocks_hit) over by_server as previous_index_blocks_hit,
        lag(index_blocks_read) over by_server as previous_index_blocks_read,
        lag(load_call_count) over by_server as previous_load_call_count,
        lag(load_ms) over by_server as previous_load_ms,
        lag(load_row_count) over by_server as previous_load_row_count,
        lag(load_block_count) over by_server as previous_load_block_count
    from reporting.health_samples
    window by_server as (partition by server_name order by collected_at)
),

judged as (
    select
        pairs.sample_id,
        pairs.collected_at,
        pairs.server_name,
        pairs.server_kind,
        pairs.previous_sample_id,
        extract(epoch from pairs.collected_at - pairs.previous_collected_at)::double precision
            as interval_seconds,
        pairs.index_blocks_hit - pairs.previous_index_blocks_hit as index_blocks_hit,
        pairs.index_blocks_read - pairs.previous_index_blocks_read as index_blocks_read,
        pairs.load_call_count - pairs.previous_load_call_count as load_call_count,
        pairs.load_ms - pairs.previous_load_ms as load_ms,
        pairs.load_row_count - pairs.previous_load_row_count as load_row_count,
        pairs.load_block_count - pairs.previous_load_block_count as load_block_count,
        coalesce(
            pairs.postmaster_started_at = pairs.previous_started_at
            and pairs.stats_reset_at is not distinct from pairs.previous_stats_reset_at
            and pairs.index_blocks_hit >= pairs.previous_index_blocks_hit
            and pairs.index_blocks_read >= pairs.previous_index_blocks_read,
            false
        ) as blocks_go_on,
        coalesce(
            pairs.postmaster_started_at = pairs.previous_started_at
            and pairs.statements_reset_at = pairs.previous_statements_reset_at,
            false
        ) as statements_go_on,
        coalesce(
            pairs.load_call_count >= pairs.previous_load_call_count
            and pairs.load_ms >= pairs.previous_load_ms
            and pairs.load_row_count >= pairs.previous_load_row_count
            and pairs.load_block_count >= pairs.previous_load_block_count,
            false
        ) as load_goes_on
    from pairs
)

select
    sample_id,
    collected_at,
    server_name,
    server_kind,
    previous_sample_id,
    interval_seconds,
    statements_go_on,
    case when blocks_go_on then index_blocks_hit end as index_blocks_hit,
    case when blocks_go_on then index_blocks_read end as index_blocks_read,
    case when statements_go_on and load_goes_on then load_call_count end as load_call_count,
    case when statements_go_on and load_goes_on then load_ms end as load_ms,
    case when statements_go_on and load_goes_on then load_row_count end as load_row_count,
    case when statements_go_on and load_goes_on then load_block_count end as load_block_count
from judged;

-- Health is kept for 90 days. The one thing that the store's role may take away, by this function
-- alone: it holds no right to delete.
create function reporting.purge_health() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    with purged as (
        delete from reporting.health_samples
        where collected_at < clock_timestamp() - interval '90 days'
        returning sample_id
    )

    select count(*) from purged;
end;

grant select on
reporting.health_samples,
reporting.health_connections,
reporting.health_statements,
reporting.health_plans,
reporting.health_alerts,
reporting.health_intervals
to closebook_store, closebook_desk;
grant insert on
reporting.health_samples,
reporting.health_connections,
reporting.health_statements,
reporting.health_plans,
reporting.health_alerts
to closebook_store;
revoke all on function reporting.purge_health() from public;
grant execute on function reporting.purge_health() to closebook_store;
