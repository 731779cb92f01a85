-- How many statements a closed month has, of all accounts or of those that are named: one row.
select
    count(distinct account_id) as account_count,
    count(*) as statement_count
from reporting.statements
where
    close_id = %(close_id)s
    and (
        %(account_ids)s::reporting.account_key[] is null
        or account_id = any(%(account_ids)s::reporting.account_key[])
    )
