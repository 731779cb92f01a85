-- Keys of the platform in their own types. A store from before has bigint keys: its domains are
-- made here, and the types of its columns stay. A newer store has had them from its first migration
-- on.
do $$
begin
    if to_regtype('reporting.account_key') is null then
        create domain reporting.account_key as keys.account;
        create domain reporting.entry_key as keys.entry;
        create domain reporting.transaction_key as keys.transaction;
        create domain reporting.merchant_key as keys.merchant;
        create domain reporting.promotion_key as keys.promotion;
    end if;
end;
$$;

-- A key of the platform as exceptions name it: a long one by its start and its hash. No account
-- that has a statement has such a name for its key.
create function reporting.key_label(key text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
begin atomic
    select case
        when key = '' then '(empty)'
        when octet_length(key) > 200
            then
                left(key, 40) || ' (too long, sha256 '
                || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16) || ')'
        else key
    end;
end;

revoke all on function reporting.key_label(text) from public;
grant execute on function reporting.key_label(text) to closebook_store;

-- A new reason why a close leaves something out: a key that the store's indexes have no room for.
alter table reporting.close_exceptions
drop constraint close_exceptions_reason_check,
add constraint close_exceptions_reason_check check (
    reason in (
        'account_incomplete',
        'account_not_listed',
        'account_repeated',
        'amount_inexact',
        'beyond_bigint',
        'currency_differs',
        'entry_repeated',
        'key_unusable',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);

-- A statement is of an account and a currency. What is closed has one currency an account: it gets
-- the one of its statement, and no number changes.

alter table reporting.statement_lines add column currency text;

update reporting.statement_lines as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.statement_versions add column currency text;

update reporting.statement_versions as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.statement_documents add column currency text;

update reporting.statement_documents as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.statement_twins add column currency text;

update reporting.statement_twins as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.document_failures add column currency text;

update reporting.document_failures as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.reissue_requests add column currency text;

update reporting.reissue_requests as incomplete
set currency = statements.currency
from reporting.statements
where
    incomplete.close_id = statements.close_id
    and incomplete.account_id = statements.account_id;

alter table reporting.statement_twins
drop constraint statement_twins_close_id_account_id_fkey;

alter table reporting.statement_lines
drop constraint statement_lines_close_id_account_id_fkey;

alter table reporting.statement_documents
drop constraint statement_documents_close_id_account_id_fkey;

alter table reporting.document_failures
drop constraint document_failures_close_id_account_id_fkey;

alter table reporting.reissue_requests
drop constraint reissue_requests_close_id_account_id_fkey;

alter table reporting.statement_versions
drop constraint statement_versions_close_id_account_id_fkey,
drop constraint statement_versions_issued_close_id_account_id_fkey,
drop constraint statement_versions_superseded_close_id_account_id_fkey;

alter table reporting.statements
drop constraint statements_pkey,
add primary key (close_id, account_id, currency);

alter table reporting.statement_lines
alter column currency set not null,
drop constraint statement_lines_pkey,
add primary key (close_id, account_id, currency, line_number),
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

alter table reporting.statement_versions
alter column currency set not null,
drop constraint statement_versions_pkey,
add primary key (close_id, account_id, currency),
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency),
add foreign key (issued_close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency),
add foreign key (superseded_close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

alter table reporting.statement_documents
alter column currency set not null,
drop constraint statement_documents_pkey,
add primary key (close_id, account_id, currency),
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

alter table reporting.statement_twins
alter column currency set not null,
drop constraint statement_twins_pkey,
add primary key (close_id, account_id, currency, media_type),
add foreign key (close_id, account_id, currency)
references reporting.statement_documents (close_id, account_id, currency);

alter table reporting.document_failures
alter column currency set not null,
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

alter table reporting.reissue_requests
alter column currency set not null,
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

drop index reporting.document_failures_statement;

create index document_failures_statement
on reporting.document_failures (close_id, account_id, currency);

drop index reporting.reissue_requests_statement;

create index reissue_requests_statement
on reporting.reissue_requests (close_id, account_id, currency);

alter table reporting.manifest_exceptions
add column currency text not null default '',
drop constraint manifest_exceptions_pkey,
add primary key (manifest_id, subject, currency);

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
            versions.currency,
            documents.close_id,
            documents.run_id,
            documents.requested_by
        from reporting.statement_versions as versions
        inner join manifest on versions.close_id = manifest.close_id
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
                and versions.currency = documents.currency
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
            on
                documents.account_id::text = exceptions.subject
                and exceptions.currency in ('', documents.currency)
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

create or replace function reporting.decision_obstacles(
    shown_manifest_id bigint,
    shown_sha256 text,
    verdict text,
    person_id text,
    run_acts jsonb
)
returns table (obstacle text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select
            shown_manifest_id as manifest_id,
            shown_sha256 as sha256,
            verdict,
            coalesce(person_id, '') as person_id,
            coalesce(run_acts, '[]') as run_acts
    ),

    manifest as (
        select
            manifests.manifest_id,
            manifests.close_id,
            manifests.sha256,
            manifests.document_count,
            manifests.missing_count,
            closes.grain,
            closes.period_start,
            closes.period_end,
            closes.is_current
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
        inner join reporting.closes on manifests.close_id = closes.close_id
    ),

    -- Of a check that was made several times the last result counts.
    checked as (
        select distinct on (tie_outs.period_start, tie_outs.grain, tie_outs.check_name)
            tie_outs.grain,
            tie_outs.period_start,
            tie_outs.check_name,
            tie_outs.offending_count,
            tie_outs.close_id
        from reporting.tie_outs
        inner join manifest
            on
                tie_outs.period_start >= manifest.period_start
                and tie_outs.period_start < manifest.period_end
        left join reporting.closes on tie_outs.close_id = closes.close_id
        where tie_outs.close_id is null or closes.is_current  -- guard: release.failed-check-counts
        order by
            tie_outs.period_start asc,
            tie_outs.grain asc,
            tie_outs.check_name asc,
            tie_outs.tie_out_id desc
    ),

    documents as (
        select versions.account_id
        from reporting.statement_versions as versions
        inner join manifest on versions.close_id = manifest.close_id
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
                and versions.currency = documents.currency
    ),

    involved as (
        select
            runs.run_id,
            runs.requested_by
        from shown
        cross join
            lateral reporting.involved_runs(shown.manifest_id) as runs
    ),

    -- Who did what to these runs: what Airflow recorded, and whom the owner of the store named.
    acts as (
        select
            recorded.run_id,
            recorded.act,
            recorded.user_id,
            coalesce(recorded.user_name, '') as user_name
        from shown
        cross join
            lateral jsonb_to_recordset(shown.run_acts)
                as recorded (run_id text, act text, user_id text, user_name text)
        where recorded.run_id in (select involved.run_id from involved)
        union all
        select
            named.run_id,
            'named' as act,
            named.user_id,
            named.user_name
        from reporting.named_people as named
        where named.run_id in (select involved.run_id from involved)
    ),

    -- Each start of a run, and each time that it was cleared or reprocessed, is somebody's act.
    starts as (
        select
            run_starts.run_id,
            max(run_starts.clear_number) + 1 as start_count
        from reporting.run_starts
        where
            run_starts.dag_id in ('monthly_statements', 'acknowledge_failover')
            and run_starts.run_id in (select involved.run_id from involved)
        group by run_starts.run_id
    ),

    unknown as (
        select concat_ws(' ', acts.run_id || ':', acts.act, 'by', acts.user_name) as detail
        from acts
        where
            acts.user_id is null  -- guard: release.unknown-person-is-refused
            and acts.act <> 'scheduled'
            and not exists (
                select 1
                from acts as named
                where
                    named.run_id = acts.run_id
                    and named.act = 'named'
                    -- guard: release.named-person-is-the-unknown-one
                    and named.user_name = acts.user_name
            )
        union
        select involved.run_id || ': Airflow has no record of it'
        from involved
        where
            -- guard: release.run-without-record-is-refused
            not exists (
                select 1
                from acts
                where acts.run_id = involved.run_id
            )
        union
        select involved.run_id || ': started by ' || involved.requested_by
        from involved
        where
            involved.requested_by is not null
            and not exists (
                select 1
                from acts
                where
                    acts.run_id = involved.run_id
                    -- guard: release.registered-name-is-found
                    and acts.user_name = involved.requested_by
            )
        union
        select starts.run_id || ': Airflow does not say who started it again'
        from starts
        where
            starts.start_count
            -- guard: release.each-start-is-somebodys
            > (
                select count(*)
                from acts
                where acts.run_id = starts.run_id
            )
    ),

    obstacles as (
        select
            'no_such_manifest' as obstacle,
            shown.manifest_id::text as detail
        from shown
        where not exists (select 1 from manifest)  -- guard: release.manifest-exists

        union all

        select
            'other_hash' as obstacle,
            manifest.sha256 as detail
        from manifest
        inner join shown on manifest.manifest_id = shown.manifest_id
        where manifest.sha256 is distinct from shown.sha256  -- guard: release.shown-manifest

        union all

        select
            'already_released' as obstacle,
            decisions.decided_by as detail
        from reporting.statement_decisions as decisions
        inner join shown on decisions.manifest_id = shown.manifest_id
        where decisions.decision = 'released'  -- guard: release.once

        union all

        select
            'rejected' as obstacle,
            decisions.decided_by as detail
        from reporting.statement_decisions as decisions
        inner join shown on decisions.manifest_id = shown.manifest_id
        where decisions.decision = 'rejected'  -- guard: release.rejected-stays-rejected
    ),

    obstacles_to_release as (
        select
            'closed_again' as obstacle,
            manifest.close_id::text as detail
        from manifest
        where not manifest.is_current  -- guard: release.not-closed-again

        union all

        select
            'issued_since' as obstacle,
            max(later.manifest_id)::text as detail
        from manifest
        inner join reporting.statement_manifests as later
            on manifest.close_id = later.close_id and manifest.manifest_id < later.manifest_id
        having count(*) > 0  -- guard: release.no-later-manifest

        union all

        select
            'documents_issued_since' as obstacle,
            (count(documents.account_id) - manifest.document_count)::text as detail
        from manifest
        left join documents on true
        group by manifest.document_count
        -- guard: release.no-document-beside-manifest
        having count(documents.account_id) <> manifest.document_count

        union all

        select
            'documents_missing' as obstacle,
            manifest.missing_count::text as detail
        from manifest
        where manifest.missing_count > 0  -- guard: release.no-missing-document

        union all

        select
            'check_failed' as obstacle,
            concat_ws(' ', checked.check_name, checked.grain, checked.period_start) as detail
        from checked
        where checked.offending_count > 0  -- guard: release.checks-tie-out

        union all

        select
            'no_check_on_record' as obstacle,
            manifest.close_id::text as detail
        from manifest
        where
            not exists (
                select 1
                from checked
                where checked.close_id = manifest.close_id  -- guard: release.check-is-recorded
            )

        union all

        select
            'person_unknown' as obstacle,
            unknown.detail
        from unknown

        union all

        select
            'second_person_needed' as obstacle,
            string_agg(distinct concat_ws(' ', acts.run_id || ':', acts.act), ', ') as detail
        from shown
        left join acts
            on shown.person_id = acts.user_id  -- guard: release.second-person
        having
            bool_or(shown.person_id = '')  -- guard: release.a-named-person
            or count(acts.run_id) > 0
    )

    select
        obstacles.obstacle,
        obstacles.detail
    from obstacles

    union all

    select
        obstacles_to_release.obstacle,
        obstacles_to_release.detail
    from obstacles_to_release
    inner join shown on shown.verdict = 'released';
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
            and later.currency = statements.currency
            and later.statement_version > versions.statement_version
            and decisions.decision = 'released'  -- guard: release.not-superseded-before-release
            and not exists (
                select 1
                from reporting.manifest_exceptions as exceptions
                where
                    exceptions.manifest_id = manifests.manifest_id
                    and exceptions.subject = statements.account_id::text
                    and exceptions.currency in ('', statements.currency)
            )
    ) as is_superseded
from reporting.statements
inner join reporting.closes on statements.close_id = closes.close_id
inner join reporting.statement_versions as versions
    on
        statements.close_id = versions.close_id
        and statements.account_id = versions.account_id
        and statements.currency = versions.currency
        and versions.issued_close_id = versions.close_id
inner join reporting.statement_documents as documents
    on
        statements.close_id = documents.close_id
        and statements.account_id = documents.account_id
        and statements.currency = documents.currency
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
        and standing.currency = statements.currency
        and decisions.decision = 'released'  -- guard: release.unseen-before-release
        -- What a release named as left out is not released by it, though it is made later.
        and not exists (
            select 1
            from reporting.manifest_exceptions as exceptions
            where
                -- guard: release.named-exceptions-stay-out
                exceptions.manifest_id = manifests.manifest_id
                and exceptions.subject = statements.account_id::text
                and exceptions.currency in ('', statements.currency)
        )
    order by decisions.decided_at asc
    limit 1
) as releases;

create or replace view reporting.issued_statements as
select
    versions.close_id,
    versions.account_id,
    versions.statement_version,
    versions.superseded_close_id,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.closed_at,
    closes.reason,
    statements.account_number,
    statements.holder_name,
    statements.currency,
    statements.opening_minor,
    statements.closing_minor,
    statements.line_count,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    documents.replaced_count,
    released.released_by,
    released.released_at,
    case
        when released.is_superseded then 'superseded'
        when released.close_id is not null then 'released'
        when documents.close_id is not null then 'issued'
        else 'missing'
    end as statement_state,
    -- The manifest by which it was released, else the newest one of the close that issued it.
    coalesce(
        released.manifest_sha256,
        (
            select manifests.sha256
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_sha256,
    coalesce(
        released.manifest_object_name,
        (
            select manifests.object_name
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_object_name
from reporting.statement_versions as versions
inner join reporting.statements
    on
        versions.close_id = statements.close_id
        and versions.account_id = statements.account_id
        and versions.currency = statements.currency
inner join reporting.closes on versions.close_id = closes.close_id
left join reporting.statement_documents as documents
    on
        versions.close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
-- With the limit the planner looks up a few rows, and does not join all released statements.
left join lateral (
    select
        released_statements.close_id,
        released_statements.is_superseded,
        released_statements.released_by,
        released_statements.released_at,
        released_statements.manifest_sha256,
        released_statements.manifest_object_name
    from reporting.released_statements
    where
        released_statements.close_id = versions.close_id
        and released_statements.account_id = versions.account_id
        and released_statements.currency = versions.currency
    order by released_statements.close_id
    limit 1
) as released on true
where versions.issued_close_id = versions.close_id;

create or replace view reporting.statement_totals as
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
        and statements.currency = versions.currency
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
group by statements.close_id, statements.currency;

create or replace view reporting.documents_not_made as
select distinct on (failures.close_id, failures.account_id, failures.currency)
    closes.grain,
    failures.close_id,
    failures.account_id,
    failures.reason,
    failures.currency
from reporting.document_failures as failures
inner join reporting.statement_versions as versions
    on
        failures.close_id = versions.issued_close_id
        and failures.account_id = versions.account_id
        and failures.currency = versions.currency
inner join reporting.closes on versions.close_id = closes.close_id and closes.is_current
left join reporting.statement_documents as documents
    on
        failures.close_id = documents.close_id
        and failures.account_id = documents.account_id
        and failures.currency = documents.currency
where documents.close_id is null
order by
    failures.close_id asc,
    failures.account_id asc,
    failures.currency asc,
    failures.failure_id desc;

create or replace view reporting.statement_locales as
select
    close_id,
    account_id,
    locale_code,
    currency
from reporting.statements;

drop function reporting.statement_differences(bigint, bigint);

drop function reporting.statement_line_differences(bigint, bigint);

create function reporting.statement_differences(old_close_id bigint, new_close_id bigint)
returns table (
    account_id reporting.account_key,
    currency text,
    old_opening_minor bigint,
    new_opening_minor bigint,
    old_closing_minor bigint,
    new_closing_minor bigint,
    old_line_count bigint,
    new_line_count bigint
)
language sql stable
begin atomic
    with old_rows as (
        select
            account_id,
            currency,
            opening_minor,
            closing_minor,
            line_count,
            account_number,
            holder_name
        from reporting.statements
        where close_id = old_close_id
    ),

    new_rows as (
        select
            account_id,
            currency,
            opening_minor,
            closing_minor,
            line_count,
            account_number,
            holder_name
        from reporting.statements
        where close_id = new_close_id
    )

    select
        account_id,
        currency,
        old_rows.opening_minor as old_opening_minor,
        new_rows.opening_minor as new_opening_minor,
        old_rows.closing_minor as old_closing_minor,
        new_rows.closing_minor as new_closing_minor,
        old_rows.line_count as old_line_count,
        new_rows.line_count as new_line_count
    from old_rows
    full join new_rows using (account_id, currency)
    where
        (
            old_rows.opening_minor,
            old_rows.closing_minor,
            old_rows.line_count,
            old_rows.account_number,
            old_rows.holder_name
        )
        is distinct from
        (
            new_rows.opening_minor,
            new_rows.closing_minor,
            new_rows.line_count,
            new_rows.account_number,
            new_rows.holder_name
        );
end;

create function reporting.statement_line_differences(old_close_id bigint, new_close_id bigint)
returns table (
    entry_id reporting.entry_key,
    old_account_id reporting.account_key,
    new_account_id reporting.account_key,
    old_currency text,
    new_currency text,
    old_line_number bigint,
    new_line_number bigint,
    old_transaction_id reporting.transaction_key,
    new_transaction_id reporting.transaction_key,
    old_posted_at timestamptz,
    new_posted_at timestamptz,
    old_kind text,
    new_kind text,
    old_description text,
    new_description text,
    old_counterparty text,
    new_counterparty text,
    old_amount_minor bigint,
    new_amount_minor bigint,
    old_balance_minor bigint,
    new_balance_minor bigint
)
language sql stable
begin atomic
    with old_rows as (
        select
            entry_id,
            account_id,
            currency,
            line_number,
            transaction_id,
            posted_at,
            kind,
            description,
            counterparty,
            amount_minor,
            balance_minor
        from reporting.statement_lines
        where close_id = old_close_id
    ),

    new_rows as (
        select
            entry_id,
            account_id,
            currency,
            line_number,
            transaction_id,
            posted_at,
            kind,
            description,
            counterparty,
            amount_minor,
            balance_minor
        from reporting.statement_lines
        where close_id = new_close_id
    )

    select
        entry_id,
        old_rows.account_id as old_account_id,
        new_rows.account_id as new_account_id,
        old_rows.currency as old_currency,
        new_rows.currency as new_currency,
        old_rows.line_number as old_line_number,
        new_rows.line_number as new_line_number,
        old_rows.transaction_id as old_transaction_id,
        new_rows.transaction_id as new_transaction_id,
        old_rows.posted_at as old_posted_at,
        new_rows.posted_at as new_posted_at,
        old_rows.kind as old_kind,
        new_rows.kind as new_kind,
        old_rows.description as old_description,
        new_rows.description as new_description,
        old_rows.counterparty as old_counterparty,
        new_rows.counterparty as new_counterparty,
        old_rows.amount_minor as old_amount_minor,
        new_rows.amount_minor as new_amount_minor,
        old_rows.balance_minor as old_balance_minor,
        new_rows.balance_minor as new_balance_minor
    from old_rows
    full join new_rows using (entry_id)
    where
        (
            old_rows.account_id,
            old_rows.currency,
            old_rows.line_number,
            old_rows.transaction_id,
            old_rows.posted_at,
            old_rows.kind,
            old_rows.description,
            old_rows.counterparty,
            old_rows.amount_minor,
            old_rows.balance_minor
        )
        is distinct from
        (
            new_rows.account_id,
            new_rows.currency,
            new_rows.line_number,
            new_rows.transaction_id,
            new_rows.posted_at,
            new_rows.kind,
            new_rows.description,
            new_rows.counterparty,
            new_rows.amount_minor,
            new_rows.balance_minor
        );
end;

revoke all on function
reporting.statement_differences(bigint, bigint),
reporting.statement_line_differences(bigint, bigint)
from public;
grant execute on function
reporting.statement_differences(bigint, bigint),
reporting.statement_line_differences(bigint, bigint)
to closebook_store;
