-- When the first run of a channel was: one row. That run inserts it. There is no message about what
-- happened before that instant.
with begun as (
    insert into reporting.notifications (channel, event_kind, subject, outcome)
    values (%(channel)s, 'channel_began', 'channel', 'sent')
    on conflict (channel, event_kind, subject) do nothing
    returning claimed_at
)

select claimed_at from begun
union all
select claimed_at
from reporting.notifications
where channel = %(channel)s and event_kind = 'channel_began' and subject = 'channel'
