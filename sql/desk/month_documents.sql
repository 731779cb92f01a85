-- The released statements of a month that no released one supersedes, by account, from the account
-- after after_account_id on: one row a statement, at most row_count.
with months as (
    select close_id
    from reporting.closes
    where grain = 'month' and period_start = %(month_start)s
)

select
    statements.close_id,
    statements.account_id,
    statements.statement_version,
    statements.period_start,
    statements.time_zone,
    statements.sha256,
    statements.byte_count,
    statements.object_name
from months
inner join reporting.issued_statements as statements on months.close_id = statements.close_id
where
    statements.statement_state = 'released'
    and statements.account_id > %(after_account_id)s
order by statements.account_id asc
limit %(row_count)s
