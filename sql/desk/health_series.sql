-- Health since an instant, in steps of time: one row a server and step that has a sample. Of a step
-- the worst is shown; counters are added up, null where none of them is known.
with samples as (
    select
        sample_id,
        server_name,
        lag_seconds,
        connection_count,
        connection_limit,
        longest_query_seconds,
        date_bin(
            make_interval(secs => %(step_seconds)s),
            collected_at,
            timestamptz '2000-01-01 00:00:00+00'
        ) as step_start
    from reporting.health_samples
    where collected_at >= %(since)s
)

select
    samples.server_name,
    samples.step_start,
    max(samples.lag_seconds) as lag_seconds,
    max(samples.connection_count) as connection_count,
    max(samples.connection_limit) as connection_limit,
    max(samples.longest_query_seconds) as longest_query_seconds,
    sum(intervals.index_blocks_hit)::bigint as index_blocks_hit,
    sum(intervals.index_blocks_read)::bigint as index_blocks_read,
    sum(intervals.load_call_count)::bigint as load_call_count,
    sum(intervals.load_ms) as load_ms,
    sum(intervals.load_row_count)::bigint as load_row_count,
    sum(intervals.load_block_count)::bigint as load_block_count
from samples
inner join reporting.health_intervals as intervals on samples.sample_id = intervals.sample_id
group by samples.server_name, samples.step_start
order by samples.server_name, samples.step_start
