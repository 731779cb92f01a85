-- Lines of a month whose number or running balance does not follow from the line before, or, for
-- a first line, from the opening balance.
with statements as (
    select
        close_id,
        account_id,
        currency,
        opening_minor,
        -- A number is sorted faster than an account and a currency.
        row_number() over (order by account_id, currency) as statement_number
    from reporting.statements
    where close_id = %(close_id)s
),

followed as (
    select
        statement_lines.account_id,
        statement_lines.currency,
        statement_lines.line_number,
        statement_lines.entry_id,
        statement_lines.amount_minor,
        statement_lines.balance_minor,
        lag(statement_lines.line_number, 1, 0::bigint) over account_lines as previous_number,
        lag(statement_lines.balance_minor, 1, statements.opening_minor) over account_lines
            as previous_balance_minor
    from reporting.statement_lines
    inner join statements
        on
            statement_lines.close_id = statements.close_id
            and statement_lines.account_id = statements.account_id
            and statement_lines.currency = statements.currency
    window
        account_lines as (
            partition by statements.statement_number
            order by statement_lines.line_number asc
        )
)

select
    account_id,
    currency,
    line_number,
    entry_id,
    previous_number,
    previous_balance_minor,
    amount_minor,
    balance_minor
from followed
where
    line_number <> previous_number + 1
    or balance_minor <> previous_balance_minor + amount_minor
