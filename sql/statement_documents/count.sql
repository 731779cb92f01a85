-- How many statements a closed month has, of all accounts or of those that are named, and how much
-- work they are: work_of_a_statement for each, and one for each of its lines. One row.
select
    count(distinct account_id) as account_count,
    coalesce(sum(%(work_of_a_statement)s::bigint + line_count), 0)::bigint as work_in_lines
from reporting.statements
where
    close_id = %(close_id)s
    and (
        %(account_ids)s::reporting.account_key[] is null
        or account_id = any(%(account_ids)s::reporting.account_key[])
    )
