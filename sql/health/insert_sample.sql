-- Writes a sample of a server's health. One row: the sample's id.
insert into reporting.health_samples (
    collected_at,
    server_name,
    server_kind,
    problem,
    postmaster_started_at,
    stats_reset_at,
    index_blocks_hit,
    index_blocks_read,
    lag_bytes,
    lag_seconds,
    connection_count,
    connection_limit,
    long_query_count,
    longest_query_seconds,
    statements_reset_at,
    load_call_count,
    load_ms,
    load_row_count,
    load_block_count
)
values (
    %(collected_at)s,
    %(server_name)s,
    %(server_kind)s,
    %(problem)s,
    %(postmaster_started_at)s,
    %(stats_reset_at)s,
    %(index_blocks_hit)s,
    %(index_blocks_read)s,
    %(lag_bytes)s,
    %(lag_seconds)s,
    %(connection_count)s,
    %(connection_limit)s,
    %(long_query_count)s,
    %(longest_query_seconds)s,
    %(statements_reset_at)s,
    %(load_call_count)s,
    %(load_ms)s,
    %(load_row_count)s,
    %(load_block_count)s
)
returning sample_id
