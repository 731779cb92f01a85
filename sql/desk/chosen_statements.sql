-- Those of the given statements that a person may see, by state; newest close first and by account
-- and currency. One row a version.
with chosen as (
    select
        close_id,
        account_id,
        currency
    from
        unnest(
            %(close_ids)s::bigint[],
            %(account_ids)s::reporting.account_key[],
            %(currencies)s::text[]
        ) as given (close_id, account_id, currency)
)

select
    closes.close_id,
    shown.account_id,
    shown.statement_version,
    closes.first_date,
    shown.account_number,
    shown.holder_name,
    shown.currency,
    shown.closing_minor,
    shown.line_count,
    shown.statement_state,
    shown.account_search,
    shown.holder_search
from chosen
inner join reporting.closes on chosen.close_id = closes.close_id
-- With the limit the planner looks up each row that is wanted, and joins no table as a whole.
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
            statements.close_id = chosen.close_id
            and statements.account_id = chosen.account_id
            and statements.currency = chosen.currency
            and (
                -- guard: desk.released-only-among-chosen
                %(may_review)s::boolean
                or statements.statement_state in ('released', 'superseded')
            )
            and (
                %(statement_state)s::text is null
                or statements.statement_state = %(statement_state)s::text
            )
        limit 1 -- noqa: AM09
    ) as shown
where closes.grain = 'month'
order by closes.close_id desc, shown.account_id asc, shown.currency asc
