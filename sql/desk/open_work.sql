-- What waits for a person: one row with the months that wait for a review, the requests without an
-- answer, and the alerts of the last collection.
with manifests as (
    select distinct on (closes.close_id)
        closes.close_id,
        statement_manifests.manifest_id
    from reporting.closes
    inner join reporting.statement_manifests
        on closes.close_id = statement_manifests.close_id
    where closes.grain = 'month' and closes.is_current
    order by closes.close_id asc, statement_manifests.manifest_id desc
),

months as (
    select count(*) as month_count
    from manifests
    where
        not exists (
            select 1
            from reporting.statement_decisions as decisions
            where decisions.manifest_id = manifests.manifest_id
        )
),

requests as (
    select count(*) as request_count
    from reporting.reissue_requests as requests
    where
        not exists (
            select 1
            from reporting.reissue_answers as answers
            where answers.request_id = requests.request_id
        )
),

alerts as (
    select count(*) as alert_count
    from reporting.health_alerts as alerts
    inner join reporting.health_samples as samples on alerts.sample_id = samples.sample_id
    where
        samples.collected_at = (
            select max(latest.collected_at)
            from reporting.health_samples as latest
        )
)

select
    months.month_count,
    requests.request_count,
    alerts.alert_count
from months
cross join requests
cross join alerts
