-- What ran in the platform's database on the primary, since reset_at: all of Closebook's own
-- statements, and those of others that take slow_statement_ms or more on average, the 50 that took
-- the most time. One row a role and statement, without its text, which may hold a name: the view
-- of the same name would read all texts from their file. Only where the extension
-- pg_stat_statements is there, in a schema of the search path.
with statements as (
    select
        pg_roles.rolname::text as role_name,
        totals.queryid as query_id,
        sum(totals.calls)::bigint as call_count,
        sum(totals.total_exec_time) as total_ms,
        sum(totals.rows)::bigint as row_count,
        sum(totals.shared_blks_hit + totals.shared_blks_read)::bigint as block_count
    from pg_stat_statements(false) as totals
    inner join pg_roles on totals.userid = pg_roles.oid
    inner join pg_database on totals.dbid = pg_database.oid
    where pg_database.datname = current_database()
    group by pg_roles.rolname, totals.queryid
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
