-- Lines of old months leave the store: they are written to the document store, read back, compared,
-- and removed here. A legal hold keeps the lines of an account.

-- No line is removed before so many years after its month's end, whatever a setting says. The
-- owner of the store writes the row; without it lines stay for ten years.
create table reporting.retention (
    is_the_only_one boolean primary key default true check (is_the_only_one),
    least_years integer not null check (least_years > 0)
);

create view reporting.retention_limit as
select coalesce(min(least_years), 10) as least_years
from reporting.retention;

-- Decisions to keep the lines of an account in the store, and to do so no longer. The last one of
-- an account counts.
create table reporting.legal_holds (
    hold_id bigint generated always as identity primary key,
    account_id keys.account not null,
    decision text not null check (decision in ('set', 'lifted')),
    reason text not null check (reason ~ '\S' and length(reason) <= 500),
    decided_by text not null check (decided_by ~ '\S'),
    decided_at timestamptz not null default clock_timestamp()
);

create index legal_holds_account on reporting.legal_holds (account_id, hold_id);

-- The accounts whose lines stay: one row an account, with the decision that counts.
create view reporting.held_accounts as
select
    holds.account_id,
    holds.hold_id,
    holds.reason,
    holds.decided_by,
    holds.decided_at
from reporting.legal_holds as holds
where
    holds.decision = 'set'
    and not exists (
        select 1
        from reporting.legal_holds as later
        where later.account_id = holds.account_id and later.hold_id > holds.hold_id
    );

-- The documents that have lines of old closes: those of the accounts from the first to the last,
-- without those that were held when it was written.
create table reporting.line_archives (
    archive_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    first_account_id keys.account not null,
    last_account_id keys.account not null,
    line_count bigint not null check (line_count > 0),
    -- The sum of all lines, of whatever currency: it is only compared.
    amount_minor numeric(60, 0) not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    run_id text not null,
    requested_by text,
    written_at timestamptz not null default clock_timestamp(),
    unique (close_id, sha256)
);

-- What was removed once an archive was read back: by currency, for the sums of the audit.
create table reporting.removed_lines (
    archive_id bigint not null references reporting.line_archives (archive_id),
    currency text not null,
    line_count bigint not null check (line_count > 0),
    amount_minor numeric(60, 0) not null,
    removed_at timestamptz not null default clock_timestamp(),
    primary key (archive_id, currency)
);

-- Removes the lines that an archive has, and returns how many; 0 if they were removed before. It
-- runs as its owner: nobody else deletes lines. It refuses a month that is not old enough, and an
-- archive that does not have exactly the lines that would go, such as after a hold was set.
create function reporting.remove_archived_lines(removed_archive_id bigint) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    archive record;
    removed_count bigint;
    removed_minor numeric;
begin
    -- No hold is set until the transaction ends, and no second run removes the same lines.
    lock table reporting.legal_holds in share mode;
    select
        written.archive_id,
        written.close_id,
        written.first_account_id,
        written.last_account_id,
        written.line_count,
        written.amount_minor
    into strict archive
    from reporting.line_archives as written
    where written.archive_id = removed_archive_id
    for update;
    if
        exists (
            select 1
            from reporting.removed_lines as removed
            where removed.archive_id = archive.archive_id
        )
    then
        return 0;
    end if;
    if
        not exists (
            select 1
            from reporting.closes as months
            cross join reporting.retention_limit as kept
            where
                months.close_id = archive.close_id
                and months.grain = 'month'
                -- guard: retention.not-before-its-time
                and months.period_end <= now() - make_interval(years => kept.least_years)
        )
    then
        raise exception using
            errcode = 'restrict_violation',
            message = 'CB-DATA-LINES-STAY: the lines of close ' || archive.close_id
            || ' are not old enough to be removed';
    end if;
    delete from reporting.statement_line_details as details
    where
        details.close_id = archive.close_id
        and details.account_id between archive.first_account_id and archive.last_account_id
        and details.account_id not in (select held.account_id from reporting.held_accounts as held);
    with gone as (
        delete from reporting.statement_lines as lines
        where
            lines.close_id = archive.close_id
            and lines.account_id between archive.first_account_id and archive.last_account_id
            -- guard: retention.held-lines-stay
            and lines.account_id not in (select held.account_id from reporting.held_accounts as held)
        returning lines.currency, lines.amount_minor
    )

    insert into reporting.removed_lines (archive_id, currency, line_count, amount_minor)
    select
        archive.archive_id,
        gone.currency,
        count(*),
        sum(gone.amount_minor)
    from gone
    group by gone.currency;
    select
        sum(removed.line_count),
        sum(removed.amount_minor)
    into removed_count, removed_minor
    from reporting.removed_lines as removed
    where removed.archive_id = archive.archive_id;
    -- guard: retention.what-goes-is-what-was-written
    if (removed_count, removed_minor) is distinct from (archive.line_count, archive.amount_minor) then
        raise exception using
            errcode = 'restrict_violation',
            message = 'CB-DATA-ARCHIVE-OUTDATED: archive ' || archive.archive_id
            || ' does not have the lines that would be removed: run it again';
    end if;
    return removed_count;
end;
$$;

-- Writes that a person has set or lifted a legal hold, and the entry of the desk's log.
create function reporting.record_legal_hold(claim text, proof bytea)
returns table (hold_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('legal hold', claim, proof);
begin
    return query
    insert into reporting.legal_holds as holds (account_id, decision, reason, decided_by)
    values (
        (claimed ->> 'account_id')::reporting.account_key,
        claimed ->> 'decision',
        claimed ->> 'reason',
        claimed ->> 'person'
    )
    returning holds.hold_id;
    insert into reporting.desk_log (person, act, subject, document_sha256, address)
    values (
        claimed ->> 'person',
        (claimed ->> 'decision') || ' legal hold',
        'account ' || (claimed ->> 'account_id'),
        null,
        claimed ->> 'address'
    );
end;
$$;

alter table reporting.desk_log
drop constraint desk_log_act_check,
add constraint desk_log_act_check check (
    act in (
        'searched',
        'looked',
        'downloaded',
        'requested re-issue',
        'answered request',
        'reviewed',
        'released',
        'rejected',
        'refused',
        'set legal hold',
        'lifted legal hold'
    )
);

grant select on
reporting.retention,
reporting.retention_limit,
reporting.legal_holds,
reporting.held_accounts,
reporting.line_archives,
reporting.removed_lines
to closebook_store;
grant select on reporting.held_accounts to closebook_desk;
grant insert on reporting.line_archives to closebook_store;
revoke all on function
reporting.remove_archived_lines(bigint),
reporting.record_legal_hold(text, bytea)
from public;
grant execute on function reporting.remove_archived_lines(bigint) to closebook_store;
grant execute on function reporting.record_legal_hold(text, bytea) to closebook_desk;
