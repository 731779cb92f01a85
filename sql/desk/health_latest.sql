-- The last collection of health: one row a server, the primary first. Index blocks are those of
-- the interval before it, null where that is not known.
with latest as (
    select max(collected_at) as collected_at
    from reporting.health_samples
)

select
    samples.collected_at,
    samples.server_name,
    samples.server_kind,
    samples.problem,
    samples.lag_bytes,
    samples.lag_seconds,
    samples.connection_count,
    samples.connection_limit,
    samples.long_query_count,
    samples.longest_query_seconds,
    samples.load_call_count,
    samples.load_ms,
    samples.load_row_count,
    samples.load_block_count,
    intervals.index_blocks_hit,
    intervals.index_blocks_read
from latest
inner join reporting.health_samples as samples on latest.collected_at = samples.collected_at
inner join reporting.health_intervals as intervals on samples.sample_id = intervals.sample_id
order by samples.server_kind, samples.server_name
