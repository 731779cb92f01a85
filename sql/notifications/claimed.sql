-- The claims of a channel since an instant, but those of messages that reached nobody: one row an
-- event.
select
    event_kind,
    subject
from reporting.notifications
where
    channel = %(channel)s
    and claimed_at >= %(since)s
    and outcome is distinct from 'unreached'
