-- What some lines have beyond the others: the contract's optional columns. A line without any of
-- them has no row here, so that it is no larger for them.
create table reporting.statement_line_details (
    close_id bigint not null,
    account_id keys.account not null,
    currency text not null,
    line_number bigint not null,
    value_date date,
    -- Minor units of original_currency, with the sign of the line's amount.
    original_amount_minor bigint,
    original_currency text,
    -- Of one original_currency in currency.
    exchange_rate numeric check (exchange_rate > 0),
    counterparty_account text,
    primary key (close_id, account_id, currency, line_number),
    foreign key (close_id, account_id, currency, line_number)
    references reporting.statement_lines (close_id, account_id, currency, line_number),
    check (num_nonnulls(original_amount_minor, original_currency, exchange_rate) in (0, 3))
);

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
    new_counterparty_account text
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
            counterparty_account
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
            counterparty_account
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
        new_rows.counterparty_account as new_counterparty_account
    from old_rows
    full join new_rows using (account_id, currency, line_number)
    where
        (
            old_rows.value_date,
            old_rows.original_amount_minor,
            old_rows.original_currency,
            old_rows.exchange_rate,
            old_rows.counterparty_account
        )
        is distinct from
        (
            new_rows.value_date,
            new_rows.original_amount_minor,
            new_rows.original_currency,
            new_rows.exchange_rate,
            new_rows.counterparty_account
        );
end;

revoke all on function reporting.statement_line_detail_differences(bigint, bigint) from public;
grant execute on function reporting.statement_line_detail_differences(bigint, bigint)
to closebook_store;
grant select, insert on reporting.statement_line_details to closebook_store;

-- A new reason why a month leaves a statement out: a value of an optional column.
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
        'detail_unusable',
        'entry_repeated',
        'key_unusable',
        'merchant_repeated',
        'promotion_repeated',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);
