-- Whether a month's statements that were read differ from those of a close: one row. What is
-- compared is what reporting.statement_differences compares.
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
    where close_id = %(close_id)s
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
    from drafted.statements
)

select
    exists(
        select 1
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
            )
    ) as is_different
