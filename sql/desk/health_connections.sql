-- The connections of the last collection: one row a server, role and state.
with latest as (
    select max(collected_at) as collected_at
    from reporting.health_samples
)

select
    samples.server_name,
    connections.role_name,
    connections.state,
    connections.connection_count
from latest
inner join reporting.health_samples as samples on latest.collected_at = samples.collected_at
inner join reporting.health_connections as connections
    on samples.sample_id = connections.sample_id
order by
    samples.server_kind asc,
    samples.server_name asc,
    connections.connection_count desc,
    connections.role_name asc,
    connections.state asc
