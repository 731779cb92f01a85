-- The desk shows what a correction changes before its release: which statements differ from the
-- released ones, and which of their lines.

-- The release that a close of a month follows: the last one of an earlier close of its month. One
-- row, or none.
create function reporting.release_before(shown_close_id bigint)
returns table (
    close_id bigint,
    manifest_id bigint,
    close_version integer,
    decided_by text,
    decided_at timestamptz
)
language sql stable
begin atomic
    with shown as (
        select
            grain,
            period_start,
            close_version
        from reporting.closes
        where close_id = shown_close_id and grain = 'month'
    )

    select
        earlier.close_id,
        manifests.manifest_id,
        earlier.close_version,
        decisions.decided_by,
        decisions.decided_at
    from shown
    inner join reporting.closes as earlier
        on
            shown.grain = earlier.grain
            and shown.period_start = earlier.period_start
            and shown.close_version > earlier.close_version
    inner join reporting.statement_manifests as manifests on earlier.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where decisions.decision = 'released'
    order by earlier.close_version desc, decisions.decision_id desc
    limit 1;
end;

-- The statements in which a close of a month differs from the release that it follows: one row an
-- account and currency, with the closes that issued the released version and the one that is shown.
-- The old columns are null for a statement that this release did not have, or left out as an
-- exception; the new ones for a statement that is gone. No row without an earlier release.
create function reporting.corrected_statements(shown_close_id bigint)
returns table (
    account_id reporting.account_key,
    currency text,
    released_close_id bigint,
    old_close_id bigint,
    new_close_id bigint,
    old_version integer,
    new_version integer
)
language sql stable
begin atomic
    with release as (
        select
            close_id,
            manifest_id
        from reporting.release_before(shown_close_id)
    ),

    left_out as (
        select
            exceptions.subject,
            exceptions.currency
        from reporting.manifest_exceptions as exceptions
        inner join release on exceptions.manifest_id = release.manifest_id
    ),

    released as (
        select
            versions.account_id,
            versions.currency,
            versions.statement_version,
            versions.issued_close_id
        from reporting.statement_versions as versions
        inner join release on versions.close_id = release.close_id
        where
            not exists (
                select 1
                from left_out
                where
                    left_out.subject = versions.account_id::text
                    and left_out.currency in ('', versions.currency)
            )
    ),

    shown as (
        select
            account_id,
            currency,
            statement_version,
            issued_close_id
        from reporting.statement_versions
        where close_id = shown_close_id
    )

    select
        account_id,
        currency,
        release.close_id as released_close_id,
        released.issued_close_id as old_close_id,
        shown.issued_close_id as new_close_id,
        released.statement_version as old_version,
        shown.statement_version as new_version
    from shown
    full join released using (account_id, currency)
    cross join release
    where shown.issued_close_id is distinct from released.issued_close_id;
end;

-- The lines in which the named statements of a close differ from the release that it follows: one
-- row an entry, old beside new, the first ones of each statement by time, and how many lines of the
-- statement there are in all. A line that only got another number or balance, because of the lines
-- before it, is none. It runs as its owner, so that the desk can read these lines and no others.
create function reporting.corrected_lines(
    shown_close_id bigint, account_ids reporting.account_key[], currencies text[], most integer
)
returns table (
    account_id reporting.account_key,
    currency text,
    entry_id reporting.entry_key,
    line_change text,
    old_posted_at timestamptz,
    new_posted_at timestamptz,
    old_kind text,
    new_kind text,
    old_transaction_id reporting.transaction_key,
    new_transaction_id reporting.transaction_key,
    old_description text,
    new_description text,
    old_counterparty text,
    new_counterparty text,
    old_details jsonb,
    new_details jsonb,
    old_amount_minor bigint,
    new_amount_minor bigint,
    added_count bigint,
    gone_count bigint,
    changed_count bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with named as (
        select
            account_id,
            currency
        from unnest(account_ids, currencies) as listed (account_id, currency)
    ),

    corrected as (
        select
            shown_close_id as this_close_id,
            released_close_id,
            account_id,
            currency
        from reporting.corrected_statements(shown_close_id)
        -- Both, or all lines of a statement would be shown.
        -- guard: desk.lines-of-corrections-only
        where old_close_id is not null and new_close_id is not null
    ),

    asked as (
        select
            corrected.this_close_id,
            corrected.released_close_id,
            corrected.account_id,
            corrected.currency
        from corrected
        inner join named
            on corrected.account_id = named.account_id and corrected.currency = named.currency
    ),

    old_lines as (
        select
            entries.account_id,
            entries.currency,
            entries.entry_id,
            entries.transaction_id,
            entries.posted_at,
            entries.kind,
            entries.description,
            entries.counterparty,
            entries.amount_minor,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'value_date', details.value_date,
                    'original_amount_minor', details.original_amount_minor,
                    'original_currency', details.original_currency,
                    'exchange_rate', trim_scale(details.exchange_rate)::text,
                    'counterparty_account', details.counterparty_account
                )
            ) as details
        from asked
        inner join reporting.statement_lines as entries
            on
                asked.released_close_id = entries.close_id
                and asked.account_id = entries.account_id
                and asked.currency = entries.currency
        left join reporting.statement_line_details as details
            on
                entries.close_id = details.close_id
                and entries.account_id = details.account_id
                and entries.currency = details.currency
                and entries.line_number = details.line_number
    ),

    new_lines as (
        select
            entries.account_id,
            entries.currency,
            entries.entry_id,
            entries.transaction_id,
            entries.posted_at,
            entries.kind,
            entries.description,
            entries.counterparty,
            entries.amount_minor,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'value_date', details.value_date,
                    'original_amount_minor', details.original_amount_minor,
                    'original_currency', details.original_currency,
                    'exchange_rate', trim_scale(details.exchange_rate)::text,
                    'counterparty_account', details.counterparty_account
                )
            ) as details
        from asked
        inner join reporting.statement_lines as entries
            on
                asked.this_close_id = entries.close_id
                and asked.account_id = entries.account_id
                and asked.currency = entries.currency
        left join reporting.statement_line_details as details
            on
                entries.close_id = details.close_id
                and entries.account_id = details.account_id
                and entries.currency = details.currency
                and entries.line_number = details.line_number
    ),

    differing as (
        select
            account_id,
            currency,
            entry_id,
            old_lines.posted_at as old_posted_at,
            new_lines.posted_at as new_posted_at,
            old_lines.kind as old_kind,
            new_lines.kind as new_kind,
            old_lines.transaction_id as old_transaction_id,
            new_lines.transaction_id as new_transaction_id,
            old_lines.description as old_description,
            new_lines.description as new_description,
            old_lines.counterparty as old_counterparty,
            new_lines.counterparty as new_counterparty,
            old_lines.details as old_details,
            new_lines.details as new_details,
            old_lines.amount_minor as old_amount_minor,
            new_lines.amount_minor as new_amount_minor,
            case
                when old_lines.posted_at is null then 'added'
                when new_lines.posted_at is null then 'gone'
                else 'changed'
            end as line_change
        from old_lines
        full join new_lines using (account_id, currency, entry_id)
        where
            (
                old_lines.transaction_id,
                old_lines.posted_at,
                old_lines.kind,
                old_lines.description,
                old_lines.counterparty,
                old_lines.amount_minor,
                old_lines.details
            )
            is distinct from
            (
                new_lines.transaction_id,
                new_lines.posted_at,
                new_lines.kind,
                new_lines.description,
                new_lines.counterparty,
                new_lines.amount_minor,
                new_lines.details
            )
    ),

    numbered as (
        select
            account_id,
            currency,
            entry_id,
            line_change,
            old_posted_at,
            new_posted_at,
            old_kind,
            new_kind,
            old_transaction_id,
            new_transaction_id,
            old_description,
            new_description,
            old_counterparty,
            new_counterparty,
            old_details,
            new_details,
            old_amount_minor,
            new_amount_minor,
            row_number() over (
                partition by account_id, currency
                order by coalesce(new_posted_at, old_posted_at) asc, entry_id asc
            ) as place,
            count(*) filter (where line_change = 'added') over of_statement as added_count,
            count(*) filter (where line_change = 'gone') over of_statement as gone_count,
            count(*) filter (where line_change = 'changed') over of_statement as changed_count
        from differing
        window of_statement as (partition by account_id, currency)
    )

    select
        account_id,
        currency,
        entry_id,
        line_change,
        old_posted_at,
        new_posted_at,
        old_kind,
        new_kind,
        old_transaction_id,
        new_transaction_id,
        old_description,
        new_description,
        old_counterparty,
        new_counterparty,
        old_details,
        new_details,
        old_amount_minor,
        new_amount_minor,
        added_count,
        gone_count,
        changed_count
    from numbered
    where place <= most
    order by account_id asc, currency asc, place asc;
end;

revoke all on function
reporting.release_before(bigint),
reporting.corrected_statements(bigint),
reporting.corrected_lines(bigint, reporting.account_key[], text[], integer)
from public;
grant execute on function
reporting.release_before(bigint),
reporting.corrected_statements(bigint),
reporting.corrected_lines(bigint, reporting.account_key[], text[], integer)
to closebook_desk;
