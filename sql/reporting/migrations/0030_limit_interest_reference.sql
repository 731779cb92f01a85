-- More of the contract's optional columns: the overdraft limit of an account, and the customer's
-- reference and the rate of interest of an entry.
alter table reporting.statements
-- By how much the account may be overdrawn, as of the snapshot; null where none is known.
add column overdraft_limit_minor bigint check (overdraft_limit_minor >= 0);

alter table reporting.statement_line_details
-- What the customer or the other side wrote to know the payment again.
add column customer_reference text,
-- Percent of a year.
add column interest_rate numeric;

-- It has more columns, so it cannot be replaced.
drop function reporting.statement_line_detail_differences(bigint, bigint);

-- What differs between two versions of a month in the optional columns of its lines: one row a
-- line, old beside new. No other place defines it.
create function reporting.statement_line_detail_differences(
    old_close_id bigint, new_close_id bigint
)
returns table (
    account_id reporting.account_key,
    currency text,
    line_number bigint,
    old_value_date date,
    new_value_date date,
    old_original_amount_minor bigint,
    new_original_amount_minor bigint,
    old_original_currency text,
    new_original_currency text,
    old_exchange_rate numeric,
    new_exchange_rate numeric,
    old_counterparty_account text,
    new_counterparty_account text,
    old_customer_reference text,
    new_customer_reference text,
    old_interest_rate numeric,
    new_interest_rate numeric
)
language sql stable
begin atomic
    with old_rows as (
        select
            account_id,
            currency,
            line_number,
            value_date,
            original_amount_minor,
            original_currency,
            exchange_rate,
            counterparty_account,
            customer_reference,
            interest_rate
        from reporting.statement_line_details
        where close_id = old_close_id
    ),

    new_rows as (
        select
            account_id,
            currency,
            line_number,
            value_date,
            original_amount_minor,
            original_currency,
            exchange_rate,
            counterparty_account,
            customer_reference,
            interest_rate
        from reporting.statement_line_details
        where close_id = new_close_id
    )

    select
        account_id,
        currency,
        line_number,
        old_rows.value_date as old_value_date,
        new_rows.value_date as new_value_date,
        old_rows.original_amount_minor as old_original_amount_minor,
        new_rows.original_amount_minor as new_original_amount_minor,
        old_rows.original_currency as old_original_currency,
        new_rows.original_currency as new_original_currency,
        old_rows.exchange_rate as old_exchange_rate,
        new_rows.exchange_rate as new_exchange_rate,
        old_rows.counterparty_account as old_counterparty_account,
        new_rows.counterparty_account as new_counterparty_account,
        old_rows.customer_reference as old_customer_reference,
        new_rows.customer_reference as new_customer_reference,
        old_rows.interest_rate as old_interest_rate,
        new_rows.interest_rate as new_interest_rate
    from old_rows
    full join new_rows using (account_id, currency, line_number)
    where
        (
            old_rows.value_date,
            old_rows.original_amount_minor,
            old_rows.original_currency,
            old_rows.exchange_rate,
            old_rows.counterparty_account,
            old_rows.customer_reference,
            old_rows.interest_rate
        )
        is distinct from
        (
            new_rows.value_date,
            new_rows.original_amount_minor,
            new_rows.original_currency,
            new_rows.exchange_rate,
            new_rows.counterparty_account,
            new_rows.customer_reference,
            new_rows.interest_rate
        );
end;

revoke all on function reporting.statement_line_detail_differences(bigint, bigint) from public;
grant execute on function reporting.statement_line_detail_differences(bigint, bigint)
to closebook_store;

-- The lines in which the named statements of a close differ from the release that it follows: one
-- row an entry, old beside new, the first ones of each statement by time, and how many lines of the
-- statement there are in all. A line that only got another number or balance, because of the lines
-- before it, is none. It runs as its owner, so that the desk can read these lines and no others.
create or replace function reporting.corrected_lines(
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
                    'counterparty_account', details.counterparty_account,
                    'customer_reference', details.customer_reference,
                    'interest_rate', trim_scale(details.interest_rate)::text
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
                    'counterparty_account', details.counterparty_account,
                    'customer_reference', details.customer_reference,
                    'interest_rate', trim_scale(details.interest_rate)::text
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
