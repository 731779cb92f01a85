-- A close of a month by currency beside the current close of the month before: one row a currency
-- of either. Statements that are issued again are counted apart.
with compared as (
    select
        current_close.close_id,
        previous_close.close_id as previous_close_id
    from reporting.closes as current_close
    left join reporting.closes as previous_close
        on
            current_close.grain = previous_close.grain
            and current_close.period_start = previous_close.period_end
            and previous_close.is_current
    where current_close.close_id = %(close_id)s
),

statements as (
    select
        statements.currency,
        count(*) as statement_count,
        count(*) filter (where versions.issued_close_id = versions.close_id) as issued_count,
        sum(statements.line_count)::bigint as line_count,
        sum(statements.opening_minor) as opening_minor,
        sum(statements.closing_minor) as closing_minor,
        count(*) filter (where documents.replaced_count > 0) as replaced_count
    from compared
    inner join reporting.statements on compared.close_id = statements.close_id
    inner join reporting.statement_versions as versions
        on
            statements.close_id = versions.close_id
            and statements.account_id = versions.account_id
    left join reporting.statement_documents as documents
        on
            versions.issued_close_id = documents.close_id
            and versions.account_id = documents.account_id
    group by statements.currency
),

previous_statements as (
    select
        statements.currency,
        count(*) as statement_count,
        sum(statements.line_count)::bigint as line_count,
        sum(statements.closing_minor) as closing_minor
    from compared
    inner join reporting.statements on compared.previous_close_id = statements.close_id
    group by statements.currency
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
