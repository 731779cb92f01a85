-- A reason belongs to one act; holders read a text of their own; four eyes by Airflow's user ids; a
-- rejection stays.

-- Each start of a run: its first one, and each time that it was cleared or reprocessed. The hash of
-- its configuration tells whether somebody gave it a new one with that start.
create table reporting.run_starts (
    dag_id text not null,
    run_id text not null,
    clear_number integer not null check (clear_number >= 0),
    conf_sha256 text not null check (conf_sha256 ~ '^[0-9a-f]{64}$'),
    started_at timestamptz not null default clock_timestamp(),
    primary key (dag_id, run_id, clear_number)
);

-- What account holders read on a corrected statement: a sentence of the catalogs by its code, and a
-- text of the run. The reason is for colleagues.
alter table reporting.closes
add column holder_reason text check (holder_reason ~ '^[a-z_]+$'),
add column holder_text text check (holder_text <> '' and length(holder_text) <= 300);

-- So far holders read the reason. A document that is rendered again must have the same bytes.
update reporting.closes
set holder_text = left(closes.reason, 300)
where
    closes.grain = 'month'
    and closes.reason <> ''
    and exists (
        select 1
        from reporting.statement_versions as versions
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
        where
            versions.issued_close_id = closes.close_id
            and versions.superseded_close_id is not null
    );

-- Why a month that was rejected is shown again.
alter table reporting.statement_manifests add column reason text;

-- The user's id in Airflow, and what Airflow recorded of the runs, as the decision was based on it.
alter table reporting.statement_decisions
add column decided_by_id text,
add column run_acts jsonb not null default '[]';

-- Whom the store's owner names in place of an unknown person who acted on a run: a user of Airflow
-- by id. An empty user_name stands for a run that Airflow has no record of.
create table reporting.named_people (
    run_id text not null,
    user_name text not null,
    user_id text not null check (user_id <> ''),
    reason text not null check (reason <> ''),
    named_by text not null default session_user,
    named_at timestamptz not null default clock_timestamp(),
    primary key (run_id, user_name, user_id)
);

-- The runs that closed, rendered or listed what a release of a manifest would show, with the user
-- names that the register has for them: one row a run and name. What is released already is left
-- out. A run that only confirmed the month is one of them: its checks are on record.
create function reporting.involved_runs(shown_manifest_id bigint)
returns table (run_id text, requested_by text)
language sql stable set search_path = pg_catalog, pg_temp
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
        tie_outs.run_id,
        null as requested_by
    from reporting.tie_outs
    -- guard: release.confirming-run-is-involved
    inner join unreleased on tie_outs.close_id = unreleased.close_id
    -- A run of another period records checks of this one too; this check it makes of its own only.
    where tie_outs.check_name = 'rows_equal_source';
end;

drop function reporting.decision_obstacles(bigint, text, text, text);

-- Why a person may not decide so on what they were shown: one row an obstacle, none if they may.
-- An obstacle is a code; closebook.statements.release has its text. A person is an id of Airflow's
-- users. run_acts is what Airflow recorded of the involved runs: an array of objects with run_id,
-- act, user_id and user_name; an act without a user_id is that of an unknown person, unless it is
-- 'scheduled'. The one place that knows the rule: the trigger below and the desk ask it.
create function reporting.decision_obstacles(
    shown_manifest_id bigint,
    shown_sha256 text,
    verdict text,
    person_id text,
    run_acts jsonb
)
returns table (obstacle text, detail text)
language sql stable set search_path = pg_catalog, pg_temp
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

create or replace function reporting.refuse_decision_with_obstacles() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found text;
begin
    -- One decision on a manifest at a time: the next one sees what this one wrote.
    perform pg_advisory_xact_lock(
        hashtextextended('closebook decision ' || new.manifest_id, 0)
    );
    select string_agg(concat_ws(': ', obstacle, detail), '; ')
    into found
    from reporting.decision_obstacles(
        new.manifest_id, new.manifest_sha256, new.decision, new.decided_by_id, new.run_acts
    );
    if found is not null then  -- guard: release.table-refuses
        raise exception using
            errcode = 'check_violation',
            message = 'CB-DATA-DECISION-REFUSED: '
            || concat_ws(' ', 'manifest', new.manifest_id) || ' is not ' || new.decision
            || ': ' || found;
    end if;
    return new;
end;
$$;

revoke all on function
reporting.involved_runs(bigint),
reporting.decision_obstacles(bigint, text, text, text, jsonb)
from public;
grant execute on function
reporting.involved_runs(bigint),
reporting.decision_obstacles(bigint, text, text, text, jsonb)
to closebook_store, closebook_desk;

grant select on reporting.run_starts, reporting.named_people to closebook_store, closebook_desk;
grant insert on reporting.run_starts to closebook_store;
grant update (conf_sha256) on reporting.run_starts to closebook_store;
