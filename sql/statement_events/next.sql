-- The events that the broker has not confirmed, in their order: one row an event.
with published as (
    select coalesce(max(last_event_id), 0) as last_event_id
    from reporting.statement_event_batches
),

events as (
    select
        events.event_id,
        events.close_id,
        events.account_id,
        events.currency,
        events.statement_version,
        events.sha256
    from published
    inner join reporting.statement_events as events on published.last_event_id < events.event_id
    order by events.event_id
    limit %(most)s
)

select
    events.event_id,
    events.account_id::text as account_key,
    events.currency,
    closes.first_date,
    events.statement_version,
    events.sha256
from events
inner join reporting.closes on events.close_id = closes.close_id
order by events.event_id
