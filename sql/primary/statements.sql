-- What ran in the platform's database on the primary, since reset_at: all of Closebook's own
-- statements, and those of others that take slow_statement_ms or more on average, the 50 that took
-- the most time. One row a role and statement; no text of a statement, which may hold a name.
-- Only where the extension pg_stat_statements is there, in a schema of the search path.
with statements as (
    select
        pg_roles.rolname::text as role_name,
        pg_stat_statements.queryid as query_id,
        sum(pg_stat_statements.calls)::bigint as call_count,
        sum(pg_stat_statements.total_exec_time) as total_ms,
        sum(pg_stat_statements.rows)::bigint as row_count,
        sum(
            pg_stat_statements.shared_blks_hit + pg_stat_statements.shared_blks_read
        )::bigint as block_count
    from pg_stat_statements
    inner join pg_roles on pg_stat_statements.userid = pg_roles.oid
    inner join pg_database on pg_stat_statements.dbid = pg_database.oid
    where pg_database.datname = current_database()
    group by pg_roles.rolname, pg_stat_statements.queryid
),

ranked as (
    select
        role_name,
        query_id,
        call_count,
        total_ms,
        row_count,
        block_count,
        role_name = current_user as is_own,
        row_number() over (
            partition by role_name = current_user order by total_ms desc
        ) as place
    from statements
    where role_name = current_user or total_ms >= call_count * %(slow_statement_ms)s
)

select
    ranked.role_name,
    ranked.query_id,
    ranked.call_count,
    ranked.total_ms,
    ranked.row_count,
    ranked.block_count,
    ranked.is_own,
    info.stats_reset as reset_at
from ranked
cross join pg_stat_statements_info as info
where ranked.is_own or ranked.place <= 50
