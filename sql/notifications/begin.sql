-- When a channel was first asked what it has to tell: one row. Nothing from before that instant is
-- told.
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
