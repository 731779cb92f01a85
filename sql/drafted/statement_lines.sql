-- A month's statement lines as they would be written under a close that has the statements:
-- numbered, with the running balance after each, and with their business days: day_dates, which
-- begin at day_starts, in order.
with days as (
    select
        %(day_dates)s::date[] as day_dates,
        %(day_starts)s::timestamptz[] as day_starts
),

-- A number is sorted faster than an account and a currency.
statements as (
    select
        close_id,
        account_id,
        currency,
        opening_minor,
        row_number() over (order by account_id, currency) as statement_number
    from reporting.statements
    where close_id = %(close_id)s
)

select
    statements.close_id,
    entries.account_id,
    statements.currency,
    entries.entry_id,
    entries.transaction_id,
    entries.posted_at,
    entries.kind,
    entries.description,
    entries.counterparty,
    entries.amount_minor,
    row_number() over account_lines as line_number,
    statements.opening_minor + sum(entries.amount_minor) over account_lines as balance_minor,
    -- guard: time.line-keeps-its-day
    days.day_dates[width_bucket(entries.posted_at, days.day_starts)] as posted_on
from staged_statement_lines as entries
inner join statements
    on entries.account_id = statements.account_id and entries.currency = statements.currency
cross join days
window
    account_lines as (
        partition by statements.statement_number
        order by entries.posted_at asc, entries.entry_id asc
        rows between unbounded preceding and current row
    )
