-- Statements whose version does not follow from the one before it, or that have none: one row each.
-- A version that a close issued has the next number of its account and month, and names the close
-- that issued the one before. A version that a close left as it was is the last one.
with versions as (
    select
        statements.close_id,
        statements.account_id,
        statements.currency,
        versions.statement_version,
        versions.issued_close_id,
        versions.superseded_close_id,
        lag(versions.statement_version) over by_account as previous_version,
        lag(versions.issued_close_id) over by_account as previous_issued_close_id,
        lag(versions.superseded_close_id) over by_account as previous_superseded_close_id
    from reporting.statements
    inner join reporting.closes on statements.close_id = closes.close_id
    left join reporting.statement_versions as versions
        on
            statements.close_id = versions.close_id
            and statements.account_id = versions.account_id
            and statements.currency = versions.currency
    window
        by_account as (
            partition by closes.period_start, statements.account_id, statements.currency
            order by closes.close_version asc
        )
)

select
    close_id,
    account_id,
    currency,
    statement_version,
    issued_close_id
from versions
where
    statement_version is null
    or case
        when issued_close_id = close_id
            then
                statement_version <> coalesce(previous_version, 0) + 1
                or superseded_close_id is distinct from previous_issued_close_id
        else
            (statement_version, issued_close_id, superseded_close_id)
            is distinct from (
                previous_version, previous_issued_close_id, previous_superseded_close_id
            )
    end
order by close_id asc, account_id asc, currency asc
limit 1000
