-- Who is connected to a replica: one row a role and state of its client connections, of all
-- databases. Long queries are active ones that have run for longer than long_query_seconds.
select
    role_name,
    state,
    session_count,
    long_query_count,
    longest_query_seconds
from reporting_source.sessions(%(long_query_seconds)s)
