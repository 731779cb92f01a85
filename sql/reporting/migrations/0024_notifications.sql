-- The messages that were sent or claimed, so that none is sent twice.

-- One row an event and channel, written before the message is sent. If the process ends in between,
-- the message is lost, and is not sent twice. The outcome is null for such a message, and while one
-- is sent.
create table reporting.notifications (
    channel text not null check (channel <> ''),
    event_kind text not null check (event_kind <> ''),
    subject text not null check (subject <> ''),
    claimed_at timestamptz not null default clock_timestamp(),
    -- unreached: it is certain that nobody got it, so a later run sends it. failed: somebody may
    -- have got it.
    outcome text check (outcome in ('sent', 'unreached', 'failed')),
    primary key (channel, event_kind, subject)
);

grant select, insert on reporting.notifications to closebook_store;
grant update (claimed_at, outcome) on reporting.notifications to closebook_store;
