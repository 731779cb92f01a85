-- Numbers the statements of a month's close, without gaps in each account and currency: a statement
-- without a number for the month gets the one after the highest. A month that is closed again keeps
-- its numbers.
insert into reporting.statement_numbers (account_id, currency, statement_number, period_start)
with this_close as (
    select
        close_id,
        period_start
    from reporting.closes
    where close_id = %(close_id)s
),

without_number as (
    select
        statements.account_id,
        statements.currency,
        this_close.period_start
    from reporting.statements
    inner join this_close on statements.close_id = this_close.close_id
    left join reporting.statement_numbers as numbers
        on
            statements.account_id = numbers.account_id
            and statements.currency = numbers.currency
            and this_close.period_start = numbers.period_start
    where
        statements.close_id = %(close_id)s
        and numbers.account_id is null  -- guard: numbers.one-for-all-versions-of-a-month
)

select
    without_number.account_id,
    without_number.currency,
    coalesce(
        (
            select max(numbers.statement_number)
            from reporting.statement_numbers as numbers
            where
                numbers.account_id = without_number.account_id
                and numbers.currency = without_number.currency
        ),
        0
    ) + 1 as statement_number,
    without_number.period_start
from without_number
