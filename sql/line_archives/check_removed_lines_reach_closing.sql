-- Currencies of a month of which lines were removed, whose lines in the store and the archives do
-- not lead from the opening balances to the closing balances, or are not as many as they were.
with statements as (
    select
        currency,
        sum(closing_minor) - sum(opening_minor) as amount_minor,
        sum(line_count) as line_count
    from reporting.statements
    where close_id = %(close_id)s
    group by currency
),

all_lines as (
    select
        currency,
        sum(amount_minor) as amount_minor,
        count(*) as line_count
    from reporting.statement_lines
    where close_id = %(close_id)s
    group by currency

    union all

    select
        removed.currency,
        removed.amount_minor,
        removed.line_count
    from reporting.removed_lines as removed
    inner join reporting.line_archives as archives on removed.archive_id = archives.archive_id
    where archives.close_id = %(close_id)s
),

lines as (
    select
        currency,
        sum(amount_minor) as amount_minor,
        sum(line_count) as line_count
    from all_lines
    group by currency
)

select
    currency,
    statements.amount_minor as statements_minor,
    lines.amount_minor as lines_minor,
    statements.line_count,
    lines.line_count as lines_kept
from statements
full join lines using (currency)
where
    coalesce(statements.amount_minor, 0) <> coalesce(lines.amount_minor, 0)
    or coalesce(statements.line_count, 0) <> coalesce(lines.line_count, 0)
