-- Claims events for a channel before they are sent: one row an event that nobody else has claimed.
insert into reporting.notifications as claims (channel, event_kind, subject)
select
    %(channel)s,
    %(event)s,
    subject
from unnest(%(subjects)s::text[]) as subjects (subject)
on conflict (channel, event_kind, subject) do update
    set claimed_at = excluded.claimed_at, outcome = null
    -- guard: notifications.claimed-once
    where claims.outcome = 'unreached'
returning subject
