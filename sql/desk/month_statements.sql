-- The statements that a person may see, newest close first and by account: one row a version, from
-- the row after (after_close_id, after_account_id) on. Each close is asked for a page at most.
with months as (
    select closes.close_id
    from reporting.closes
    where
        closes.grain = 'month'
        and (
            %(month_start)s::timestamptz is null
            or closes.period_start = %(month_start)s::timestamptz
        )
        and (
            %(after_close_id)s::bigint is null or closes.close_id <= %(after_close_id)s::bigint
        )
        -- Nothing of a close may be seen before it, or a later one of its month, is released.
        and (
            %(may_review)s::boolean
            or exists (
                select 1
                from reporting.closes as standing
                inner join reporting.statement_manifests as manifests
                    on standing.close_id = manifests.close_id
                inner join reporting.statement_decisions as decisions
                    on manifests.manifest_id = decisions.manifest_id
                where
                    standing.grain = 'month'
                    and standing.period_start = closes.period_start
                    and standing.close_id >= closes.close_id
                    and decisions.decision = 'released'
            )
        )
)

select
    months.close_id,
    found.account_id,
    found.statement_version,
    found.period_start,
    found.time_zone,
    found.account_number,
    found.holder_name,
    found.currency,
    found.closing_minor,
    found.line_count,
    found.statement_state
from months
cross join
    lateral (
        select
            statements.account_id,
            statements.statement_version,
            statements.period_start,
            statements.time_zone,
            statements.account_number,
            statements.holder_name,
            statements.currency,
            statements.closing_minor,
            statements.line_count,
            statements.statement_state
        from reporting.issued_statements as statements
        where
            statements.close_id = months.close_id
            and (
                %(after_close_id)s::bigint is null
                or months.close_id < %(after_close_id)s::bigint
                or statements.account_id > %(after_account_id)s::bigint
            )
            and (%(currency)s::text is null or statements.currency = %(currency)s::text)
            and (
                %(may_review)s::boolean or statements.statement_state in ('released', 'superseded')
            )
            and (
                %(statement_state)s::text is null
                or statements.statement_state = %(statement_state)s::text
            )
        order by statements.account_id asc
        limit %(row_count)s::integer
    ) as found
order by months.close_id desc, found.account_id asc
limit %(row_count)s::integer
