-- Who is connected to the primary: one row a role and state of its client connections, of all
-- databases. Long queries are active ones that have run for longer than long_query_seconds.
select
    coalesce(usename, 'unknown')::text as role_name,
    coalesce(state, 'starting') as state,
    count(*) as session_count,
    count(*) filter (
        where
        state = 'active'
        and clock_timestamp() - query_start > make_interval(secs => %(long_query_seconds)s)
    ) as long_query_count,
    coalesce(
        max(extract(epoch from clock_timestamp() - query_start)) filter (where state = 'active'),
        0
    )::double precision as longest_query_seconds
from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
group by coalesce(usename, 'unknown')::text, coalesce(state, 'starting')
