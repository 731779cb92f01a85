-- A close of a month by currency beside the current close of the month before: one row a currency
-- of either. Statements that are issued again are counted apart.
with statements as (
    select
        currency,
        statement_count,
        issued_count,
        line_count,
        opening_minor,
        closing_minor,
        replaced_count
    from reporting.statement_totals
    where close_id = %(close_id)s
),

previous_statements as (
    select
        currency,
        statement_count,
        line_count,
        closing_minor
    from reporting.statement_totals
    where
        close_id = (
            select previous_close.close_id
            from reporting.closes as current_close
            inner join reporting.closes as previous_close
                on
                    current_close.grain = previous_close.grain
                    and current_close.period_start = previous_close.period_end
                    and previous_close.is_current
            where current_close.close_id = %(close_id)s
        )
)

select
    previous_statements.statement_count as previous_statement_count,
    previous_statements.line_count as previous_line_count,
    previous_statements.closing_minor as previous_closing_minor,
    coalesce(statements.currency, previous_statements.currency) as currency,
    coalesce(statements.statement_count, 0) as statement_count,
    coalesce(statements.issued_count, 0) as issued_count,
    coalesce(statements.line_count, 0) as line_count,
    coalesce(statements.opening_minor, 0) as opening_minor,
    coalesce(statements.closing_minor, 0) as closing_minor,
    coalesce(statements.replaced_count, 0) as replaced_count
from statements
full join previous_statements on statements.currency = previous_statements.currency
order by currency asc
