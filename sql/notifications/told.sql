-- What a channel was given since an instant, and is not to be given again: one row an event.
select
    event_kind,
    subject
from reporting.notifications
where
    channel = %(channel)s
    and claimed_at >= %(since)s
    and outcome is distinct from 'unreached'
