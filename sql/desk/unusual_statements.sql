-- The statements of closes that a later close issued again, or whose account a release left out:
-- one row a statement, in any order, at most row_count.
with unusual as (
    select
        superseded_close_id as close_id,
        account_id
    from reporting.statement_versions
    where superseded_close_id = any(%(close_ids)s::bigint[])
    union
    select
        close_id,
        account_id
    from
        unnest(
            %(exception_close_ids)s::bigint[],
            %(exception_account_ids)s::reporting.account_key[]
        ) as given (close_id, account_id)
)

select
    names.close_id,
    names.account_id,
    names.currency
from unusual
inner join reporting.statement_names as names -- noqa: RF04
    on unusual.close_id = names.close_id and unusual.account_id = names.account_id
limit %(row_count)s::integer -- noqa: AM09
