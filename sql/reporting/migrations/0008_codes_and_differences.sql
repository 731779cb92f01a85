-- Obstacles and refusals by code; one place that says when a statement or a line differs.

-- Why a person may not decide so on what they were shown: one row an obstacle, none if they may.
-- An obstacle is a code; closebook.statements.release has its text. The one place that knows the
-- rule: the trigger below and the desk ask it.
create or replace function reporting.decision_obstacles(
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
            'second_person_needed' as obstacle,
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

create or replace function reporting.refuse_decision_with_obstacles() returns trigger
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
        raise exception using
            errcode = 'check_violation',
            message = 'CB-DATA-DECISION-REFUSED: '
            || concat_ws(' ', 'manifest', new.manifest_id) || ' is not ' || new.decision
            || ': ' || found;
    end if;
    return new;
end;
$$;

-- Every close_id that a statement wrote is in the register. Closes stay, by the trigger below, so
-- what was true when a row was written stays true.
create or replace function reporting.refuse_unknown_close() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    unknown_id bigint;
begin
    select written_ids.close_id
    into unknown_id
    from (select distinct written.close_id from written) as written_ids
    where
        not exists (
            select 1
            from reporting.closes
            where closes.close_id = written_ids.close_id
        )
    limit 1;
    if found then  -- guard: register.rows-of-a-known-close
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-CLOSE-NOT-REGISTERED: close ' || unknown_id
            || ' is not in the register',
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

-- No close is ever deleted or renumbered, by whomever.
create or replace function reporting.keep_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'CB-DATA-CLOSE-STAYS: a close stays in the register: no ' || lower(tg_op);
end;
$$;

-- An owner who empties the register empties the days with it, as a foreign key would ask.
create or replace function reporting.refuse_days_without_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- By size: a transaction's snapshot may be older than rows that are there.
    if pg_relation_size('reporting.daily_volume') > 0
        or pg_relation_size('reporting.daily_account_movement') > 0
    then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-DAYS-NEED-CLOSES: days refer to the register: truncate them with it';
    end if;
    return null;
end;
$$;

-- What differs between two versions of a month's statements: one row an account, old beside new.
-- Another holder or account number counts, and is not shown; an address alone does not count.
-- The one place that says so. PostgreSQL puts the function's query in place of its call: so it has
-- no settings of its own.
create function reporting.statement_differences(old_close_id bigint, new_close_id bigint)
returns table (
    account_id reporting.account_key,
    old_currency text,
    new_currency text,
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
        old_rows.currency as old_currency,
        new_rows.currency as new_currency,
        old_rows.opening_minor as old_opening_minor,
        new_rows.opening_minor as new_opening_minor,
        old_rows.closing_minor as old_closing_minor,
        new_rows.closing_minor as new_closing_minor,
        old_rows.line_count as old_line_count,
        new_rows.line_count as new_line_count
    from old_rows
    full join new_rows using (account_id)
    where
        (
            old_rows.currency,
            old_rows.opening_minor,
            old_rows.closing_minor,
            old_rows.line_count,
            old_rows.account_number,
            old_rows.holder_name
        )
        is distinct from
        (
            new_rows.currency,
            new_rows.opening_minor,
            new_rows.closing_minor,
            new_rows.line_count,
            new_rows.account_number,
            new_rows.holder_name
        );
end;

-- What differs between two versions of a month's lines: one row an entry, old beside new. The one
-- place that says so, as above.
create function reporting.statement_line_differences(old_close_id bigint, new_close_id bigint)
returns table (
    entry_id reporting.entry_key,
    old_account_id reporting.account_key,
    new_account_id reporting.account_key,
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
