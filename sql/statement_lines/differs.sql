-- Whether a month's lines that were read differ from those of a close, whose statements are the
-- same: one row. What is compared is what reporting.statement_line_differences compares.
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
    where close_id = %(close_id)s
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
    from drafted.statement_lines
)

select
    exists(
        select 1
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
            )
    ) as is_different
