-- The alerts of the last collection: one row an alert.
with latest as (
    select max(collected_at) as collected_at
    from reporting.health_samples
)

select
    samples.server_name,
    alerts.alert_name,
    alerts.detail
from latest
inner join reporting.health_samples as samples on latest.collected_at = samples.collected_at
inner join reporting.health_alerts as alerts on samples.sample_id = alerts.sample_id
order by samples.server_kind, samples.server_name, alerts.alert_id
