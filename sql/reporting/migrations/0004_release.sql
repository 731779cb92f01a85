-- Versions of each account's statement, who asked for what, and the release of a month.

-- Null is the schedule. Closes, documents and manifests of before have none.
alter table reporting.closes add column requested_by text;
alter table reporting.statement_manifests add column requested_by text;
alter table reporting.statement_documents
add column requested_by text,
add column unsigned_sha256 text check (unsigned_sha256 ~ '^[0-9a-f]{64}$'),
add column certificate_sha256 text check (certificate_sha256 ~ '^[0-9a-f]{64}$');

create index tie_outs_period_start on reporting.tie_outs (period_start);

-- Which version of its statement each account has in a close of a month: one that the close
-- issued, or one that it left as it was. Documents are those of the close that issued.
create table reporting.statement_versions (
    close_id bigint not null,
    account_id keys.account not null,
    statement_version integer not null check (statement_version > 0),
    issued_close_id bigint not null check (issued_close_id <= close_id),
    superseded_close_id bigint check (superseded_close_id < issued_close_id),
    primary key (close_id, account_id),
    foreign key (close_id, account_id) references reporting.statements (close_id, account_id),
    foreign key (issued_close_id, account_id)
    references reporting.statements (close_id, account_id),
    foreign key (superseded_close_id, account_id)
    references reporting.statements (close_id, account_id),
    check ((statement_version = 1) = (superseded_close_id is null))
);

create index statement_versions_issued
on reporting.statement_versions (issued_close_id, account_id);

create index statement_versions_superseded
on reporting.statement_versions (superseded_close_id, account_id)
where superseded_close_id is not null;

-- So far each close of a month has issued all of its statements.
insert into reporting.statement_versions (
    close_id, account_id, statement_version, issued_close_id, superseded_close_id
)
select
    statements.close_id,
    statements.account_id,
    row_number() over by_version as statement_version,
    statements.close_id as issued_close_id,
    lag(statements.close_id) over by_version as superseded_close_id
from reporting.statements
inner join reporting.closes on statements.close_id = closes.close_id
window
    by_version as (
        partition by closes.period_start, statements.account_id
        order by closes.close_version
    );

-- What a person decided on a month that was issued, bound to the manifest that they were shown.
create table reporting.statement_decisions (
    decision_id bigint generated always as identity primary key,
    manifest_id bigint not null references reporting.statement_manifests (manifest_id),
    manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    decision text not null check (decision in ('released', 'rejected')),
    decided_by text not null check (decided_by <> ''),
    reason text check (reason <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    check (decision = 'released' or reason is not null)
);

create unique index statement_decisions_one_release
on reporting.statement_decisions (manifest_id)
where decision = 'released';

-- Why a person may not decide so on what they were shown: one row an obstacle, none if they may.
-- The one place that knows the rule: the trigger below and the desk ask it.
create function reporting.decision_obstacles(
    shown_manifest_id bigint,
    shown_sha256 text,
    verdict text,
    person text
)
returns table (obstacle text, detail text)
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select
            shown_manifest_id as manifest_id,
            shown_sha256 as sha256,
            verdict,
            trim(coalesce(person, '')) as person
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
        select
            versions.account_id,
            documents.close_id,
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
            select versions.issued_close_id
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
                    manifests.close_id = standing.close_id
                    and decisions.decision = 'released'
            )
    ),

    involved as (
        select closes.requested_by
        from reporting.closes
        inner join unreleased on closes.close_id = unreleased.close_id
        union
        select manifests.requested_by
        from reporting.statement_manifests as manifests
        inner join unreleased on manifests.close_id = unreleased.close_id
        union
        select documents.requested_by
        from documents
        inner join unreleased on documents.close_id = unreleased.close_id
    ),

    obstacles as (
        select
            'there is no such manifest' as obstacle,
            shown.manifest_id::text as detail
        from shown
        where not exists (select 1 from manifest)  -- guard: release.manifest-exists

        union all

        select
            'what was shown has another hash' as obstacle,
            manifest.sha256 as detail
        from manifest
        inner join shown on manifest.manifest_id = shown.manifest_id
        where manifest.sha256 is distinct from shown.sha256  -- guard: release.shown-manifest

        union all

        select
            'it is released already' as obstacle,
            decisions.decided_by as detail
        from reporting.statement_decisions as decisions
        inner join shown on decisions.manifest_id = shown.manifest_id
        where decisions.decision = 'released'  -- guard: release.once
    ),

    obstacles_to_release as (
        select
            'the month was closed again since' as obstacle,
            manifest.close_id::text as detail
        from manifest
        where not manifest.is_current  -- guard: release.not-closed-again

        union all

        select
            'something was issued since' as obstacle,
            max(later.manifest_id)::text as detail
        from manifest
        inner join reporting.statement_manifests as later
            on manifest.close_id = later.close_id and manifest.manifest_id < later.manifest_id
        having count(*) > 0  -- guard: release.no-later-manifest

        union all

        select
            'documents were issued since' as obstacle,
            (count(documents.account_id) - manifest.document_count)::text as detail
        from manifest
        left join documents on true
        group by manifest.document_count
        -- guard: release.no-document-beside-manifest
        having count(documents.account_id) <> manifest.document_count

        union all

        select
            'documents are missing' as obstacle,
            manifest.missing_count::text as detail
        from manifest
        where manifest.missing_count > 0  -- guard: release.no-missing-document

        union all

        select
            'a check does not tie out' as obstacle,
            concat_ws(' ', checked.check_name, checked.grain, checked.period_start) as detail
        from checked
        where checked.offending_count > 0  -- guard: release.checks-tie-out

        union all

        select
            'no check is on record' as obstacle,
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
            'it takes a second person' as obstacle,
            shown.person as detail
        from shown
        where
            shown.person = ''  -- guard: release.a-named-person
            or exists (
                select 1
                from involved
                -- guard: release.second-person
                where lower(involved.requested_by) = lower(shown.person)
            )
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

create function reporting.refuse_decision_with_obstacles() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found text;
begin
    select string_agg(concat_ws(': ', obstacle, detail), '; ')
    into found
    from reporting.decision_obstacles(
        new.manifest_id, new.manifest_sha256, new.decision, new.decided_by
    );
    if found is not null then  -- guard: release.table-refuses
        raise exception using errcode = 'check_violation', message = found;
    end if;
    return new;
end;
$$;

create trigger statement_decisions_refuse_obstacles
before insert on reporting.statement_decisions
for each row execute function reporting.refuse_decision_with_obstacles();

-- The statements that anybody but a reviewer may see: one row a version of an account's statement
-- that stands in a released month. It keeps standing when a later version is released, whether or
-- not those in between ever were.
create view reporting.released_statements as
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
    order by decisions.decided_at asc
    limit 1
) as releases;

revoke all on function reporting.decision_obstacles(bigint, text, text, text) from public;
grant execute on function reporting.decision_obstacles(bigint, text, text, text)
to closebook_store, closebook_desk;
revoke all on function reporting.refuse_decision_with_obstacles() from public;

grant select on
reporting.statement_versions,
reporting.statement_decisions,
reporting.released_statements
to closebook_store, closebook_desk;
grant insert on reporting.statement_versions to closebook_store;
grant insert on reporting.statement_decisions to closebook_desk;
