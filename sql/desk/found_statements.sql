-- The statements that a person may see, by account, holder, month, currency and state; newest close
-- first and by account and currency: at most so many. One row a version. For a search that finds
-- many: it looks through the statements in order, and asks each close for so many.
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
        closes.first_date,
        closes.close_version > 1 as is_correction
    from reporting.closes
    where
        closes.grain = 'month'
        and (
            %(month_start)s::timestamptz is null
            or closes.period_start = %(month_start)s::timestamptz
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
    found.statement_state,
    found.account_search,
    found.holder_search
from months
cross join
    lateral (
        select
            shown.account_id,
            shown.statement_version,
            shown.account_number,
            shown.holder_name,
            shown.currency,
            shown.closing_minor,
            shown.line_count,
            shown.statement_state,
            shown.account_search,
            shown.holder_search
        from reporting.statement_names as names -- noqa: RF04
        -- With the limit the planner looks up each row, and joins no table as a whole.
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
                    statements.statement_state,
                    statements.account_search,
                    statements.holder_search
                from reporting.issued_statements as statements
                where
                    statements.close_id = months.close_id
                    and statements.account_id = names.account_id
                    and statements.currency = names.currency
                    and (
                        -- guard: desk.released-only-in-list
                        %(may_review)s::boolean
                        or statements.statement_state in ('released', 'superseded')
                    )
                    and (
                        %(statement_state)s::text is null
                        or statements.statement_state = %(statement_state)s::text
                    )
                limit 1 -- noqa: AM09
            ) as shown
        where
            names.close_id = months.close_id
            -- A correction issues few of its statements.
            and (
                not months.is_correction
                or names.account_id = any(
                    array(
                        select versions.account_id
                        from reporting.statement_versions as versions
                        where
                            versions.close_id = months.close_id
                            and versions.issued_close_id = versions.close_id
                    )
                )
            )
            -- Few are superseded or have no document, and an index finds them.
            and (
                coalesce(%(statement_state)s::text, '') <> 'superseded'
                or names.account_id = any(
                    array(
                        select later.account_id
                        from reporting.statement_versions as later
                        where later.superseded_close_id = months.close_id
                    )
                )
            )
            and (
                coalesce(%(statement_state)s::text, '') <> 'missing'
                or not exists (
                    select 1
                    from reporting.statement_documents as documents
                    where
                        documents.close_id = names.close_id
                        and documents.account_id = names.account_id
                        and documents.currency = names.currency
                )
            )
            and (%(currency)s::text is null or names.currency = %(currency)s::text)
            and (
                %(account_patterns)s::text[] is null -- noqa: RF02
                or names.account_search like any(%(account_patterns)s::text[]) -- noqa: RF02
            )
            and (
                %(holder_patterns)s::text[] is null -- noqa: RF02
                or names.holder_search like all(%(holder_patterns)s::text[]) -- noqa: RF02
            )
        order by names.account_id asc, names.currency asc
        limit %(row_count)s::integer
    ) as found
order by months.close_id desc, found.account_id asc, found.currency asc
limit %(row_count)s::integer
