-- Accounts and currencies whose opening balance and lines do not give the closing balance.
with statements as (
    select
        account_id,
        currency,
        opening_minor,
        closing_minor,
        line_count
    from reporting.statements
    where close_id = %(close_id)s
),

lines as (
    select
        account_id,
        currency,
        count(*) as line_count,
        sum(amount_minor) as amount_minor
    from reporting.statement_lines
    where close_id = %(close_id)s
    group by account_id, currency
),

last_lines as (
    select
        written_lines.account_id,
        written_lines.currency,
        written_lines.balance_minor
    from reporting.statement_lines as written_lines
    inner join statements
        on
            written_lines.account_id = statements.account_id
            and written_lines.currency = statements.currency
            and written_lines.line_number = statements.line_count
    where written_lines.close_id = %(close_id)s
)

select
    statements.account_id,
    statements.currency,
    statements.opening_minor,
    lines.amount_minor as lines_minor,
    statements.closing_minor,
    statements.line_count,
    lines.line_count as lines_written,
    last_lines.balance_minor as last_balance_minor
from statements
left join lines
    on statements.account_id = lines.account_id and statements.currency = lines.currency
left join last_lines
    on
        statements.account_id = last_lines.account_id
        and statements.currency = last_lines.currency
where
    statements.opening_minor + coalesce(lines.amount_minor, 0) <> statements.closing_minor
    or coalesce(lines.line_count, 0) <> statements.line_count
    or coalesce(last_lines.balance_minor, statements.opening_minor) <> statements.closing_minor
