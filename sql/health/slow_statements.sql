-- The calls and time of a server's slow statements since the sample before: one row a statement
-- that ran. A statement that the sample before does not have counts with its totals. No row if the
-- server's counters were reset in between.
with pair as (
    select
        sample_id,
        previous_sample_id
    from reporting.health_intervals
    where sample_id = %(sample_id)s and statements_go_on
),

statements as (
    select
        now.role_name,
        now.query_id,
        now.call_count - coalesce(earlier.call_count, 0) as call_count,
        now.total_ms - coalesce(earlier.total_ms, 0) as total_ms
    from pair
    inner join reporting.health_statements as now on pair.sample_id = now.sample_id
    left join reporting.health_statements as earlier
        on
            pair.previous_sample_id = earlier.sample_id
            and now.role_name = earlier.role_name
            and now.query_id = earlier.query_id
)

select
    role_name,
    query_id,
    call_count,
    total_ms
from statements
where call_count > 0 and total_ms >= 0
