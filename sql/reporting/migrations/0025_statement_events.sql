-- Events of released statements, which a platform can turn into mails to their holders.

-- For each statement that was released, one event that a platform can turn into a mail to its
-- holder. The transaction of the release writes them.

-- One row a version of a statement, in the order of the releases: an event that is committed later
-- has a higher event_id. No foreign keys: a release of 200,000 statements writes as many rows, all
-- from the tables that these would name.
create table reporting.statement_events (
    event_id bigint generated always as identity primary key,
    decision_id bigint not null,
    -- The close that issued the version, not the one that was released.
    close_id bigint not null,
    account_id keys.account not null,
    currency text not null,
    statement_version integer not null check (statement_version > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    unique (close_id, account_id, currency)
);

-- Up to which event the broker has confirmed all: one row a batch.
create table reporting.statement_event_batches (
    last_event_id bigint primary key references reporting.statement_events (event_id),
    event_count bigint not null check (event_count > 0),
    published_at timestamptz not null default clock_timestamp()
);

-- Writes the events of a release: of each version that it shows first. What an earlier release has
-- shown has no event again, and neither what this one names as left out.
create function reporting.write_statement_events() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- Until the end of the transaction no other release writes events: so the numbers come in the
    -- order in which others see them, and whoever reads beyond the last number misses none.
    -- guard: events.in-order-of-release
    perform pg_advisory_xact_lock(hashtextextended('closebook statement events', 0));
    insert into reporting.statement_events (
        decision_id, close_id, account_id, currency, statement_version, sha256
    )
    select
        new.decision_id,
        versions.issued_close_id,
        versions.account_id,
        versions.currency,
        versions.statement_version,
        documents.sha256
    from reporting.statement_manifests as manifests
    inner join reporting.statement_versions as versions on manifests.close_id = versions.close_id
    inner join reporting.statement_documents as documents
        on
            versions.issued_close_id = documents.close_id
            and versions.account_id = documents.account_id
            and versions.currency = documents.currency
    where
        manifests.manifest_id = new.manifest_id
        and not exists (
            select 1
            from reporting.manifest_exceptions as exceptions
            where
                exceptions.manifest_id = new.manifest_id
                and exceptions.subject = versions.account_id::text
                and exceptions.currency in ('', versions.currency)
        )
        and not exists (
            select 1
            from reporting.statement_decisions as earlier
            inner join reporting.statement_manifests as shown
                on earlier.manifest_id = shown.manifest_id
            inner join reporting.statement_versions as standing
                on shown.close_id = standing.close_id
            where
                earlier.decision_id < new.decision_id
                and earlier.decision = 'released'  -- guard: events.no-version-twice
                and standing.issued_close_id = versions.issued_close_id
                and standing.account_id = versions.account_id
                and standing.currency = versions.currency
                and not exists (
                    select 1
                    from reporting.manifest_exceptions as exceptions
                    where
                        exceptions.manifest_id = shown.manifest_id
                        and exceptions.subject = versions.account_id::text
                        and exceptions.currency in ('', versions.currency)
                )
        )
    order by versions.account_id, versions.currency
    on conflict (close_id, account_id, currency) do nothing;
    return null;
end;
$$;

create trigger statement_decisions_write_events
after insert on reporting.statement_decisions
for each row when (new.decision = 'released')
execute function reporting.write_statement_events();

grant select on
reporting.statement_events,
reporting.statement_event_batches
to closebook_store;
grant insert on reporting.statement_event_batches to closebook_store;
revoke all on function reporting.write_statement_events() from public;
