-- The alerts since an instant: one row a server and alert, the latest first, with its last detail.
with samples as (
    select
        sample_id,
        server_name,
        collected_at
    from reporting.health_samples
    where collected_at >= %(since)s
)

select
    samples.server_name,
    alerts.alert_name,
    min(samples.collected_at) as first_seen_at,
    max(samples.collected_at) as last_seen_at,
    count(distinct samples.sample_id) as sample_count,
    (array_agg(alerts.detail order by alerts.alert_id desc))[1] as detail
from reporting.health_alerts as alerts
inner join samples on alerts.sample_id = samples.sample_id
group by samples.server_name, alerts.alert_name
order by max(samples.collected_at) desc, samples.server_name asc, alerts.alert_name asc
limit 100
