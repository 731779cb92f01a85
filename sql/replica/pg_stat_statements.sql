-- What ran in the platform's database on a replica, since reset_at: all of Closebook's own
-- statements, and those of others that take slow_statement_ms or more on average, the 50 that took
-- the most time. One row a role and statement; none where pg_stat_statements is not there.
with ranked as (
    select
        role_name,
        query_id,
        call_count,
        total_ms,
        row_count,
        block_count,
        reset_at,
        role_name = current_user as is_own,
        row_number() over (
            partition by role_name = current_user order by total_ms desc
        ) as place
    from reporting_source.statements()
    where role_name = current_user or total_ms >= call_count * %(slow_statement_ms)s
)

select
    role_name,
    query_id,
    call_count,
    total_ms,
    row_count,
    block_count,
    is_own,
    reset_at
from ranked
where is_own or place <= 50
