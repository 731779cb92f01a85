-- The events since an instant that a message is sent about, oldest first: one row an event. No row
-- has the reason that a person typed, which may name a holder.
with manifests as (
    select
        manifests.manifest_id,
        manifests.document_count,
        manifests.missing_count,
        manifests.written_at,
        closes.first_date,
        closes.close_version,
        closes.is_current,
        row_number() over (
            partition by manifests.close_id order by manifests.manifest_id desc
        ) as age
    from reporting.statement_manifests as manifests
    inner join reporting.closes on manifests.close_id = closes.close_id
    where closes.grain = 'month'
),

ready as (
    select
        'month_ready' as event_kind,
        manifest_id::text as subject,
        written_at as happened_at,
        first_date,
        case
            when close_version = 1 then document_count || ' documents'
            else 'version ' || close_version || ', ' || document_count || ' documents'
        end as detail
    from manifests
    where
        is_current
        and age = 1
        and missing_count = 0
        and not exists (
            select 1
            from reporting.statement_decisions as decisions
            where decisions.manifest_id = manifests.manifest_id
        )
),

decided as (
    select
        decisions.decided_at as happened_at,
        manifests.first_date,
        decisions.decision_id::text as subject,
        'month_' || decisions.decision as event_kind,
        manifests.document_count || ' documents' as detail
    from reporting.statement_decisions as decisions
    inner join manifests on decisions.manifest_id = manifests.manifest_id
),

requested as (
    select
        'request_came' as event_kind,
        requests.request_id::text as subject,
        requests.requested_at as happened_at,
        closes.first_date,
        requests.request_id::text as detail
    from reporting.reissue_requests as requests
    inner join reporting.closes on requests.close_id = closes.close_id
),

answered as (
    select
        'request_answered' as event_kind,
        answers.request_id::text as subject,
        answers.answered_at as happened_at,
        closes.first_date,
        answers.request_id || ' was answered: ' || replace(answers.answer, '_', ' ') as detail
    from reporting.reissue_answers as answers
    inner join reporting.reissue_requests as requests on answers.request_id = requests.request_id
    inner join reporting.closes on requests.close_id = closes.close_id
),

-- With one hour more, since an alert is new if the sample before it does not have it.
samples as (
    select
        sample_id,
        server_name,
        collected_at,
        problem is null as has_answered
    from reporting.health_samples
    where collected_at >= %(since)s::timestamptz - interval '1 hour'
),

alerts as (
    select
        samples.sample_id,
        samples.server_name,
        alerts.alert_name,
        min(alerts.detail) as detail
    from samples
    inner join reporting.health_alerts as alerts on samples.sample_id = alerts.sample_id
    group by samples.sample_id, samples.server_name, alerts.alert_name
),

alert_names as (
    select distinct
        server_name,
        alert_name
    from alerts
),

-- Of a server that did not answer nothing is known but the alert that it is down.
judged as (
    select
        samples.sample_id,
        samples.server_name,
        samples.collected_at,
        alert_names.alert_name,
        alerts.detail,
        alerts.sample_id is not null as is_open,
        coalesce(
            lag(alerts.sample_id is not null) over (
                partition by samples.server_name, alert_names.alert_name
                order by samples.sample_id
            ),
            false
        ) as was_open
    from samples
    inner join alert_names on samples.server_name = alert_names.server_name
    left join alerts
        on
            samples.sample_id = alerts.sample_id
            and alert_names.alert_name = alerts.alert_name
    where samples.has_answered or alert_names.alert_name = 'server_down'
),

health as (
    select
        collected_at as happened_at,
        null::date as first_date,
        case when is_open then 'alert_opened' else 'alert_ended' end as event_kind,
        sample_id || ' ' || alert_name as subject,
        concat_ws(': ', server_name, replace(alert_name, '_', ' '), detail) as detail
    from judged
    where is_open <> was_open
),

events as (
    select
        event_kind,
        subject,
        happened_at,
        first_date,
        detail
    from ready
    union all
    select
        event_kind,
        subject,
        happened_at,
        first_date,
        detail
    from decided
    union all
    select
        event_kind,
        subject,
        happened_at,
        first_date,
        detail
    from requested
    union all
    select
        event_kind,
        subject,
        happened_at,
        first_date,
        detail
    from answered
    union all
    select
        event_kind,
        subject,
        happened_at,
        first_date,
        detail
    from health
)

select
    event_kind,
    subject,
    happened_at,
    first_date,
    detail
from events
where happened_at >= %(since)s
order by happened_at, event_kind, subject
