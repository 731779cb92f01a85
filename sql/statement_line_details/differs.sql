-- Whether what a month's lines have in the contract's optional columns differs from what those of a
-- close have, whose lines are the same: one row. What is compared is what
-- reporting.statement_line_detail_differences compares.
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
    where close_id = %(close_id)s
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
    from drafted.statement_line_details
)

select
    exists(
        select 1
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
            )
    ) as is_different
