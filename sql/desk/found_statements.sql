-- The statements of an account, by the beginning of its number, or of a holder, by a part of the
-- name: one row a version that the person may see, newest close first and by account.
with matched as materialized (
    select
        close_id,
        account_id
    from reporting.statements
    where
        (%(account_pattern)s::text is null or account_number like %(account_pattern)s::text)
        and (%(holder_pattern)s::text is null or holder_name ilike %(holder_pattern)s::text)
        and (%(currency)s::text is null or currency = %(currency)s::text)
        and (
            %(after_close_id)s::bigint is null
            or close_id < %(after_close_id)s::bigint
            or (
                close_id = %(after_close_id)s::bigint
                and account_id > %(after_account_id)s::bigint
            )
        )
)

select
    matched.close_id,
    matched.account_id,
    statements.statement_version,
    statements.period_start,
    statements.time_zone,
    statements.account_number,
    statements.holder_name,
    statements.currency,
    statements.closing_minor,
    statements.line_count,
    statements.statement_state
from matched
inner join reporting.issued_statements as statements
    on matched.close_id = statements.close_id and matched.account_id = statements.account_id
where
    (
        %(month_start)s::timestamptz is null
        or statements.period_start = %(month_start)s::timestamptz
    )
    and (%(may_review)s::boolean or statements.statement_state in ('released', 'superseded'))
    and (
        %(statement_state)s::text is null
        or statements.statement_state = %(statement_state)s::text
    )
order by matched.close_id desc, matched.account_id asc
limit %(row_count)s::integer
