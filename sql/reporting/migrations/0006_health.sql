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
        samples.sample_id,
        samples.collected_at,
        samples.server_name,
        samples.server_kind,
        previous.sample_id as previous_sample_id,
        extract(epoch from samples.collected_at - previous.collected_at)::double precision
            as interval_seconds,
        samples.index_blocks_hit - previous.index_blocks_hit as index_blocks_hit,
        samples.index_blocks_read - previous.index_blocks_read as index_blocks_read,
        samples.load_call_count - previous.load_call_count as load_call_count,
        samples.load_ms - previous.load_ms as load_ms,
        samples.load_row_count - previous.load_row_count as load_row_count,
        samples.load_block_count - previous.load_block_count as load_block_count,
        coalesce(
            -- guard: health.no-interval-across-a-start
            samples.postmaster_started_at = previous.postmaster_started_at
            -- guard: health.no-interval-across-a-reset
            and samples.stats_reset_at is not distinct from previous.stats_reset_at,
            false
        ) as blocks_go_on,
        coalesce(
            samples.postmaster_started_at = previous.postmaster_started_at
            -- guard: health.no-statements-across-a-reset
            and samples.statements_reset_at = previous.statements_reset_at,
            false
        ) as statements_go_on
    from reporting.health_samples as samples
    left join lateral (
        select
            earlier.sample_id,
            earlier.collected_at,
            earlier.postmaster_started_at,
            earlier.stats_reset_at,
            earlier.statements_reset_at,
            earlier.index_blocks_hit,
            earlier.index_blocks_read,
            earlier.load_call_count,
            earlier.load_ms,
            earlier.load_row_count,
            earlier.load_block_count
        from reporting.health_samples as earlier
        where
            earlier.server_name = samples.server_name
            and earlier.collected_at < samples.collected_at
        order by earlier.collected_at desc
        limit 1
    ) as previous on true
),

judged as (
    select
        pairs.sample_id,
        pairs.collected_at,
        pairs.server_name,
        pairs.server_kind,
        pairs.previous_sample_id,
        pairs.interval_seconds,
        pairs.statements_go_on,
        pairs.index_blocks_hit,
        pairs.index_blocks_read,
        pairs.load_call_count,
        pairs.load_ms,
        pairs.load_row_count,
        pairs.load_block_count,
        pairs.blocks_go_on
        -- guard: health.no-falling-counter
        and least(pairs.index_blocks_hit, pairs.index_blocks_read) >= 0 as blocks_are_known,
        pairs.statements_go_on
        and least(
            pairs.load_call_count, pairs.load_ms, pairs.load_row_count, pairs.load_block_count
        ) >= 0 as load_is_known
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
    case when blocks_are_known then index_blocks_hit end as index_blocks_hit,
    case when blocks_are_known then index_blocks_read end as index_blocks_read,
    case when load_is_known then load_call_count end as load_call_count,
    case when load_is_known then load_ms end as load_ms,
    case when load_is_known then load_row_count end as load_row_count,
    case when load_is_known then load_block_count end as load_block_count
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
