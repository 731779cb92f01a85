-- What people were told, so that nobody is told twice.

-- One row an event and channel, written before the message is sent: a crash in between loses the
-- message, and never sends it twice. A row without an outcome is such a message, or one that is
-- being sent.
create table reporting.notifications (
    channel text not null check (channel <> ''),
    event_kind text not null check (event_kind <> ''),
    subject text not null check (subject <> ''),
    claimed_at timestamptz not null default clock_timestamp(),
    -- unreached: the channel took nothing, so the event is told later. failed: the channel may have
    -- taken it.
    outcome text check (outcome in ('sent', 'unreached', 'failed')),
    primary key (channel, event_kind, subject)
);

grant select, insert on reporting.notifications to closebook_store;
grant update (claimed_at, outcome) on reporting.notifications to closebook_store;
