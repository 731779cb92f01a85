-- The plans of the last collection: one row a replica and query, those that are not as
-- expected first.
with latest as (
    select max(collected_at) as collected_at
    from reporting.health_samples
)

select
    samples.server_name,
    planned.query_name,
    planned.meant_index,
    planned.scans,
    planned.is_as_meant
from latest
inner join reporting.health_samples as samples on latest.collected_at = samples.collected_at
inner join reporting.health_plans as planned on samples.sample_id = planned.sample_id
order by planned.is_as_meant, planned.query_name, samples.server_name
