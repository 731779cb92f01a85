-- The statements that a person may see, by account (the beginning of its number), holder (a part of
-- the name), month, currency and state; newest close first and by account and currency, from the
-- row after (after_close_id, after_account_id, after_currency) on. One row a version. Each close is
-- asked for a page at most.
with released as (
    select
        closes.close_id,
        closes.period_start,
        cardinality(decisions.named_exceptions) > 0 as has_exceptions
    from reporting.closes
    inner join reporting.statement_manifests as manifests on closes.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where closes.grain = 'month' and decisions.decision = 'released'
),

months as (
    select
        closes.close_id,
        closes.first_date
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
        -- Skips closes that cannot have a wanted row: a statement is released only with its own
        -- close or with a later one of the month, and a close that is released without exceptions
        -- has no statement that is only issued.
        and (
            (
                %(may_review)s::boolean
                and coalesce(%(statement_state)s::text, '') not in ('released', 'superseded')
            )
            or exists (
                select 1
                from released
                where
                    released.period_start = closes.period_start
                    and released.close_id >= closes.close_id
            )
        )
        and (
            coalesce(%(statement_state)s::text, '') not in ('issued', 'missing')
            or not exists (
                select 1 from released
                where released.close_id = closes.close_id and not released.has_exceptions
            )
        )
)

select
    months.close_id,
    found.account_id,
    found.statement_version,
    months.first_date,
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
            statements.account_number,
            statements.holder_name,
            statements.currency,
            statements.closing_minor,
            statements.line_count,
            statements.statement_state
        from reporting.issued_statements as statements
        -- With a plain condition the planner expects few rows, and sorts all of them.
        cross join
            lateral (
                select true as is_shown
                where
                    (
                        %(may_review)s::boolean
                        or statements.statement_state in ('released', 'superseded')
                    )
                    and (
                        %(statement_state)s::text is null
                        or statements.statement_state = %(statement_state)s::text
                    )
                order by is_shown
                limit 1
            ) as shown
        where
            statements.close_id = months.close_id
            and (
                %(after_close_id)s::bigint is null
                or months.close_id < %(after_close_id)s::bigint
                or (statements.account_id, statements.currency)
                > (%(after_account_id)s::reporting.account_key, %(after_currency)s::text)
            )
            -- Few are superseded, and an index finds them.
            and (
                coalesce(%(statement_state)s::text, '') <> 'superseded'
                or statements.account_id = any(
                    array(
                        select later.account_id
                        from reporting.statement_versions as later
                        where later.superseded_close_id = months.close_id
                    )
                )
            )
            and (%(currency)s::text is null or statements.currency = %(currency)s::text)
            and (
                %(account_pattern)s::text is null
                or statements.account_number like %(account_pattern)s::text
            )
            and (
                %(holder_pattern)s::text is null
                or statements.holder_name ilike %(holder_pattern)s::text
            )
        order by statements.account_id asc, statements.currency asc
        limit %(row_count)s::integer
    ) as found
order by months.close_id desc, found.account_id asc, found.currency asc
limit %(row_count)s::integer
