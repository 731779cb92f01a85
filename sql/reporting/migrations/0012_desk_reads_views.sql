-- Each document is held against the manifest that was released, and the desk's role reads only what
-- its pages show.

-- The root of the manifest's entries. Manifests of before have none.
alter table reporting.statement_manifests
add column root_sha256 text check (root_sha256 ~ '^[0-9a-f]{64}$');

drop view reporting.issued_statements;
drop view reporting.released_statements;

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
    order by decisions.decided_at asc
    limit 1
) as releases;

-- Every version of a statement that was ever issued, and whether it is released: one row a version.
-- One that is 'issued' only, or whose document is 'missing', is for reviewers.
create view reporting.issued_statements as
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
    on versions.close_id = statements.close_id and versions.account_id = statements.account_id
inner join reporting.closes on versions.close_id = closes.close_id
left join reporting.statement_documents as documents
    on versions.close_id = documents.close_id and versions.account_id = documents.account_id
-- The limit keeps the planner from joining all that was ever released for the sake of a few rows.
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
    order by released_statements.close_id
    limit 1
) as released on true
where versions.issued_close_id = versions.close_id;

-- The statements of a close by currency, in sums: one row a close and currency. Those that the
-- close issued are counted apart, as are those whose document had characters replaced.
create view reporting.statement_totals as
select
    statements.close_id,
    statements.currency,
    count(*) as statement_count,
    count(*) filter (where versions.issued_close_id = versions.close_id) as issued_count,
    sum(statements.line_count)::bigint as line_count,
    sum(statements.opening_minor)::bigint as opening_minor,
    sum(statements.closing_minor)::bigint as closing_minor,
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

-- The checks that were made, without the rows that did not tie out: one row a check.
create view reporting.check_results as
select
    tie_outs.tie_out_id,
    tie_outs.close_id,
    tie_outs.grain,
    tie_outs.period_start,
    tie_outs.check_name,
    tie_outs.offending_count,
    tie_outs.checked_at,
    tie_outs.close_id is null or coalesce(closes.is_current, false) as counts
from reporting.tie_outs
left join reporting.closes on tie_outs.close_id = closes.close_id;

-- The language of each statement: one row a statement.
create view reporting.statement_locales as
select
    close_id,
    account_id,
    locale_code
from reporting.statements;

-- Writes that a person released or rejected a month. The one way by which the desk writes a
-- decision: the trigger of the table refuses one that has an obstacle.
create function reporting.record_decision(
    manifest_id bigint,
    manifest_sha256 text,
    decision text,
    person_name text,
    person_id text,
    run_acts jsonb,
    reason text
)
returns table (decision_id bigint, decided_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    insert into reporting.statement_decisions (
        manifest_id, manifest_sha256, decision, decided_by, decided_by_id, run_acts, reason
    )
    values (
        record_decision.manifest_id,
        record_decision.manifest_sha256,
        record_decision.decision,
        record_decision.person_name,
        record_decision.person_id,
        record_decision.run_acts,
        record_decision.reason
    )
    returning statement_decisions.decision_id, statement_decisions.decided_at;
end;

-- They read what the desk may not: with the rights of their owner.
alter function reporting.involved_runs(bigint) security definer;
alter function reporting.decision_obstacles(bigint, text, text, text, jsonb) security definer;
alter function reporting.chain_desk_log() security definer;

grant select on
reporting.released_statements,
reporting.issued_statements,
reporting.statement_totals,
reporting.statement_locales,
reporting.check_results
to closebook_store;

revoke all on all tables in schema reporting
from closebook_desk;  -- guard: desk.role-reads-what-its-pages-show
grant select on
reporting.closes,
reporting.statement_versions,
reporting.statement_documents,
reporting.statement_twins,
reporting.statement_manifests,
reporting.statement_decisions,
reporting.reissue_requests,
reporting.reissue_answers,
reporting.named_people,
reporting.counter_publications,
reporting.health_samples,
reporting.health_connections,
reporting.health_plans,
reporting.health_alerts,
reporting.current_hourly_volume,
reporting.current_daily_volume,
reporting.corrections,
reporting.health_intervals,
reporting.issued_statements,
reporting.statement_totals,
reporting.statement_locales,
reporting.check_results
to closebook_desk;
grant insert on reporting.reissue_requests, reporting.reissue_answers to closebook_desk;
grant insert (person, act, subject, document_sha256, address)  -- guard: desk.log-is-append-only
on reporting.desk_log to closebook_desk;
revoke all on function
reporting.record_decision(bigint, text, text, text, text, jsonb, text)
from public;
grant execute on function reporting.record_decision(bigint, text, text, text, text, jsonb, text)
to closebook_desk;
