-- What is wrong with one account or currency is left out by name; the rest is closed, issued and
-- released.

-- A currency code of the platform as the register shows it. A code that is not three capital
-- letters may hold any text: it is cut to 12 characters, and ? stands for all but letters and
-- figures.
create function reporting.currency_label(code text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
begin atomic
    select case
        when code ~ '^[A-Z]{3}$' then code
        when coalesce(code, '') = '' then 'none'
        else left(regexp_replace(code, '[^A-Za-z0-9]', '?', 'g'), 12)
    end;
end;

-- Totals of the source: a sum may be beyond bigint, and a currency may be no code of ISO 4217.
drop view reporting.corrections;

alter table reporting.close_totals
drop constraint close_totals_currency_check,
add constraint close_totals_currency_check check (currency <> ''),
alter column amount_minor type numeric(60, 0);

-- What each new version of a period corrected: one row a version, measure and currency of either
-- version, equal ones too. Rows that came late are those that the new version has more.
create view reporting.corrections as
with versions as (
    select
        new_closes.close_id,
        new_closes.grain,
        new_closes.period_start,
        new_closes.period_end,
        new_closes.close_version,
        new_closes.closed_at,
        new_closes.run_id,
        new_closes.reason,
        old_closes.close_id as replaced_close_id
    from reporting.closes as new_closes
    inner join reporting.closes as old_closes
        on
            new_closes.grain = old_closes.grain
            and new_closes.period_start = old_closes.period_start
            and new_closes.close_version = old_closes.close_version + 1
),

totals as (
    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        0 as old_row_count,
        close_totals.row_count as new_row_count,
        0 as old_amount_minor,
        close_totals.amount_minor as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.close_id = close_totals.close_id

    union all

    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        close_totals.row_count as old_row_count,
        0 as new_row_count,
        close_totals.amount_minor as old_amount_minor,
        0 as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.replaced_close_id = close_totals.close_id
)

select
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency,
    sum(totals.old_row_count)::bigint as old_row_count,
    sum(totals.new_row_count)::bigint as new_row_count,
    sum(totals.new_row_count - totals.old_row_count)::bigint as late_row_count,
    sum(totals.old_amount_minor) as old_amount_minor,
    sum(totals.new_amount_minor) as new_amount_minor,
    sum(totals.new_amount_minor - totals.old_amount_minor) as late_amount_minor
from versions
inner join totals on versions.close_id = totals.close_id
group by
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency;

grant select on reporting.corrections to closebook_store, closebook_desk;

-- A payment of nothing is one.
alter table reporting.hourly_volume
drop constraint hourly_volume_amount_minor_check,
add constraint hourly_volume_amount_minor_check check (amount_minor >= 0);

alter table reporting.daily_volume
drop constraint daily_volume_amount_minor_check,
add constraint daily_volume_amount_minor_check check (amount_minor >= 0);

-- What a close has left out of its source, and why: one row an account, or a currency of which all
-- rows of the period are left out. Rows and exceptions together are what close_totals says.
create table reporting.close_exceptions (
    close_id bigint not null references reporting.closes (close_id),
    measure text not null check (measure in ('volume', 'ledger')),
    subject_kind text not null check (subject_kind in ('account', 'currency')),
    -- The account id or the currency; 'none' for rows that name no account or currency.
    subject text not null check (subject <> ''),
    currency text not null check (currency <> ''),
    reason text not null check (
        reason in (
            'account_incomplete',
            'account_not_listed',
            'account_repeated',
            'beyond_bigint',
            'currency_differs',
            'entry_repeated',
            'row_impossible',
            'row_incomplete',
            'unknown_currency',
            'unsettled_status'
        )
    ),
    row_count bigint not null check (row_count >= 0),
    amount_minor numeric(60, 0) not null,
    primary key (close_id, measure, subject_kind, subject, currency)
);

-- Each time that a statement's document could not be made: the code of the error. It is an
-- exception of its month for as long as there is no document.
create table reporting.document_failures (
    failure_id bigint generated always as identity primary key,
    close_id bigint not null,
    account_id keys.account not null,
    reason text not null check (reason ~ '^CB-[A-Z-]+$'),
    run_id text not null,
    failed_at timestamptz not null default clock_timestamp(),
    foreign key (close_id, account_id) references reporting.statements (close_id, account_id)
);

create index document_failures_statement on reporting.document_failures (close_id, account_id);

alter table reporting.statement_manifests
add column exception_count bigint not null default 0 check (exception_count >= 0);

-- The accounts that a manifest lists as exceptions: they have no document, for a reason that is on
-- record. Its text names them, so that its hash covers them.
create table reporting.manifest_exceptions (
    manifest_id bigint not null references reporting.statement_manifests (manifest_id),
    -- The account id; 'none' for entries that name no account.
    subject text not null check (subject <> ''),
    reason text not null check (reason <> ''),
    primary key (manifest_id, subject)
);

alter table reporting.statement_decisions
add column named_exceptions text[] not null default '{}',
add constraint statement_decisions_exceptions_have_a_reason
check (cardinality(named_exceptions) = 0 or reason is not null);

-- The runs that closed, rendered or listed what a release of a manifest would show, with the user
-- names that the register has for them: one row a run and name. What is released already is left
-- out, but for documents of accounts that a release named as its exceptions. A run that only
-- confirmed the month is one of them: its checks are on record.
create or replace function reporting.involved_runs(shown_manifest_id bigint)
returns table (run_id text, requested_by text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select shown_manifest_id as manifest_id
    ),

    manifest as (
        select
            manifests.manifest_id,
            manifests.close_id
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
    ),

    documents as (
        select
            versions.account_id,
            documents.close_id,
            documents.run_id,
            documents.requested_by
        from reporting.statement_versions as versions
        inner join manifest on versions.close_id = manifest.close_id
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
    ),

    -- What an earlier close issued and nobody has released is released with this one.
    unreleased as (
        select standing.close_id
        from (
            select manifest.close_id
            from manifest
            union
            select versions.issued_close_id  -- guard: release.unreleased-earlier-close-counts
            from reporting.statement_versions as versions
            inner join manifest on versions.close_id = manifest.close_id
        ) as standing
        where
            not exists (
                select 1
                from reporting.statement_decisions as decisions
                inner join reporting.statement_manifests as manifests
                    on decisions.manifest_id = manifests.manifest_id
                where
                    -- guard: release.released-close-involves-nobody
                    manifests.close_id = standing.close_id
                    and decisions.decision = 'released'
            )
    ),

    -- What was made for the exceptions of a release, which that release does not cover.
    made_since as (
        select
            documents.run_id,
            documents.requested_by
        from documents
        inner join reporting.manifest_exceptions as exceptions
            on documents.account_id::text = exceptions.subject
        inner join reporting.statement_manifests as manifests
            on exceptions.manifest_id = manifests.manifest_id
        inner join manifest on manifests.close_id = manifest.close_id
        inner join reporting.statement_decisions as decisions
            on manifests.manifest_id = decisions.manifest_id
        where decisions.decision = 'released'  -- guard: release.made-for-an-exception-counts
    )

    select
        closes.run_id,
        closes.requested_by
    from reporting.closes
    inner join unreleased on closes.close_id = unreleased.close_id
    union
    select
        manifests.run_id,
        manifests.requested_by
    from reporting.statement_manifests as manifests
    -- guard: release.manifest-requester-is-involved
    inner join unreleased on manifests.close_id = unreleased.close_id
    union
    select
        documents.run_id,
        documents.requested_by
    from documents
    -- guard: release.document-requester-is-involved
    inner join unreleased on documents.close_id = unreleased.close_id
    union
    select
        made_since.run_id,
        made_since.requested_by
    from made_since
    union
    select
        manifests.run_id,
        manifests.requested_by
    from reporting.statement_manifests as manifests
    inner join manifest on manifests.manifest_id = manifest.manifest_id
    where exists (select 1 from made_since)
    union
    select
        tie_outs.run_id,
        null as requested_by
    from reporting.tie_outs
    -- guard: release.confirming-run-is-involved
    inner join unreleased on tie_outs.close_id = unreleased.close_id
    -- A run of another period records checks of this one too; this check it makes of its own only.
    where tie_outs.check_name = 'rows_equal_source';
end;

-- Why a person may not release a month without its exceptions: one row an obstacle. A release names
-- each account that the manifest lists as an exception, and no other.
create function reporting.exception_obstacles(
    shown_manifest_id bigint,
    verdict text,
    named text[]
)
returns table (obstacle text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select
            shown_manifest_id as manifest_id,
            verdict
    ),

    listed as (
        select exceptions.subject
        from reporting.manifest_exceptions as exceptions
        inner join shown on exceptions.manifest_id = shown.manifest_id
    ),

    manifest as (
        select manifests.exception_count
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
    ),

    named_subjects as (
        select distinct unnest(named) as subject
    ),

    not_named as (
        select subject
        from listed
        except
        select subject
        from named_subjects
    ),

    not_listed as (
        select subject
        from named_subjects
        except
        select subject
        from listed
    ),

    obstacles as (
        select
            'exceptions_not_named' as obstacle,
            count(*)::text as detail
        from not_named
        having count(*) > 0

        union all

        select
            'no_such_exception' as obstacle,
            min(not_listed.subject) as detail
        from not_listed
        having count(*) > 0

        union all

        select
            'exceptions_changed' as obstacle,
            manifest.exception_count::text as detail
        from manifest
        where manifest.exception_count <> (select count(*) from listed)
    )

    select
        obstacles.obstacle,
        obstacles.detail
    from obstacles
    inner join shown on shown.verdict = 'released';
end;

create function reporting.refuse_unnamed_exceptions() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found text;
begin
    select string_agg(concat_ws(': ', obstacle, detail), '; ')
    into found
    from reporting.exception_obstacles(
        new.manifest_id, new.decision, new.named_exceptions
    );
    if found is not null then  -- guard: release.exceptions-are-named
        raise exception using
            errcode = 'check_violation',
            message = 'CB-DATA-DECISION-REFUSED: '
            || concat_ws(' ', 'manifest', new.manifest_id) || ' is not ' || new.decision
            || ': ' || found;
    end if;
    return new;
end;
$$;

create trigger statement_decisions_refuse_unnamed_exceptions
before insert on reporting.statement_decisions
for each row execute function reporting.refuse_unnamed_exceptions();

drop function reporting.record_decision(bigint, text, text, text, text, jsonb, text);

-- Writes that a person released or rejected a month. The one way by which the desk writes a
-- decision: the triggers of the table refuse one that has an obstacle.
create function reporting.record_decision(
    manifest_id bigint,
    manifest_sha256 text,
    decision text,
    person_name text,
    person_id text,
    run_acts jsonb,
    reason text,
    named_exceptions text[]
)
returns table (decision_id bigint, decided_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    insert into reporting.statement_decisions (
        manifest_id, manifest_sha256, decision, decided_by, decided_by_id, run_acts, reason,
        named_exceptions
    )
    values (
        record_decision.manifest_id,
        record_decision.manifest_sha256,
        record_decision.decision,
        record_decision.person_name,
        record_decision.person_id,
        record_decision.run_acts,
        record_decision.reason,
        record_decision.named_exceptions
    )
    returning statement_decisions.decision_id, statement_decisions.decided_at;
end;

create or replace view reporting.released_statements as
select
    statements.close_id,
    statements.account_id,
    versions.statement_version,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    statements.currency,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    releases.manifest_sha256,
    releases.manifest_object_name,
    releases.decided_by as released_by,
    releases.decided_at as released_at,
    exists(
        select 1
        from reporting.statement_versions as later
        inner join reporting.closes as later_closes
            on later.close_id = later_closes.close_id
        inner join reporting.statement_manifests as manifests
            on later.close_id = manifests.close_id
        inner join reporting.statement_decisions as decisions
            on manifests.manifest_id = decisions.manifest_id
        where
            later_closes.grain = closes.grain
            and later_closes.period_start = closes.period_start
            and later.account_id = statements.account_id
            and later.statement_version > versions.statement_version
            and decisions.decision = 'released'  -- guard: release.not-superseded-before-release
            and not exists (
                select 1
                from reporting.manifest_exceptions as exceptions
                where
                    exceptions.manifest_id = manifests.manifest_id
                    and exceptions.subject = statements.account_id::text
            )
    ) as is_superseded
from reporting.statements
inner join reporting.closes on statements.close_id = closes.close_id
inner join reporting.statement_versions as versions
    on
        statements.close_id = versions.close_id
        and statements.account_id = versions.account_id
        and versions.issued_close_id = versions.close_id
inner join reporting.statement_documents as documents
    on
        statements.close_id = documents.close_id
        and statements.account_id = documents.account_id
cross join lateral (
    select
        manifests.object_name as manifest_object_name,
        decisions.manifest_sha256,
        decisions.decided_by,
        decisions.decided_at
    from reporting.statement_versions as standing
    inner join reporting.statement_manifests as manifests
        on standing.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where
        standing.issued_close_id = statements.close_id
        and standing.account_id = statements.account_id
        and decisions.decision = 'released'  -- guard: release.unseen-before-release
        -- What a release named as left out is not released by it, though it is made later.
        and not exists (
            select 1
            from reporting.manifest_exceptions as exceptions
            where
                -- guard: release.named-exceptions-stay-out
                exceptions.manifest_id = manifests.manifest_id
                and exceptions.subject = statements.account_id::text
        )
    order by decisions.decided_at asc
    limit 1
) as releases;

-- Sums of many accounts may be beyond bigint.
drop view reporting.statement_totals;

-- The statements of a close by currency, in sums: one row a close and currency. Those that the
-- close issued are counted apart, as are those whose document had characters replaced.
create view reporting.statement_totals as
select
    statements.close_id,
    statements.currency,
    count(*) as statement_count,
    count(*) filter (where versions.issued_close_id = versions.close_id) as issued_count,
    sum(statements.line_count)::bigint as line_count,
    sum(statements.opening_minor) as opening_minor,
    sum(statements.closing_minor) as closing_minor,
    count(*) filter (where documents.replaced_count > 0) as replaced_count
from reporting.statements
left join reporting.statement_versions as versions
    on
        statements.close_id = versions.close_id
        and statements.account_id = versions.account_id
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
group by statements.close_id, statements.currency;

-- What the current closes have left out, without amounts: one row a close, measure, subject and
-- currency.
create view reporting.current_exceptions as
select
    closes.close_id,
    closes.grain,
    closes.period_start,
    exceptions.measure,
    exceptions.subject_kind,
    exceptions.subject,
    exceptions.currency,
    exceptions.reason,
    exceptions.row_count
from reporting.close_exceptions as exceptions
inner join reporting.closes on exceptions.close_id = closes.close_id
where closes.is_current;

-- The statements of the current closes whose document could not be made, with the last error: one
-- row a statement.
create view reporting.documents_not_made as
select distinct on (failures.close_id, failures.account_id)
    closes.grain,
    failures.close_id,
    failures.account_id,
    failures.reason
from reporting.document_failures as failures
inner join reporting.statement_versions as versions
    on
        failures.close_id = versions.issued_close_id
        and failures.account_id = versions.account_id
inner join reporting.closes on versions.close_id = closes.close_id and closes.is_current
left join reporting.statement_documents as documents
    on
        failures.close_id = documents.close_id
        and failures.account_id = documents.account_id
where documents.close_id is null
order by failures.close_id asc, failures.account_id asc, failures.failure_id desc;

grant select on
reporting.close_exceptions,
reporting.document_failures,
reporting.manifest_exceptions,
reporting.statement_totals,
reporting.current_exceptions,
reporting.documents_not_made
to closebook_store;
grant insert on
reporting.close_exceptions,
reporting.document_failures,
reporting.manifest_exceptions
to closebook_store;
grant select on
reporting.manifest_exceptions,
reporting.statement_totals,
reporting.current_exceptions,
reporting.documents_not_made
to closebook_desk;
revoke all on function
reporting.exception_obstacles(bigint, text, text[]),
reporting.refuse_unnamed_exceptions(),
reporting.currency_label(text),
reporting.record_decision(bigint, text, text, text, text, jsonb, text, text[])
from public;
grant execute on function reporting.exception_obstacles(bigint, text, text[])
to closebook_store, closebook_desk;
grant execute on function reporting.currency_label(text) to closebook_store;
grant execute on function
reporting.record_decision(bigint, text, text, text, text, jsonb, text, text[])
to closebook_desk;
