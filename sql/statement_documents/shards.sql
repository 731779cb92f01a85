-- A closed month's statements cut into shards of account ids: one row a shard, in order. A new
-- shard begins with the first account after each multiple of work_of_a_shard, so that no shard has
-- more work than that and its last account. An account is never cut. All accounts, or those that
-- are named.
with statements as (
    select
        account_id,
        line_count
    from reporting.statements
    where
        close_id = %(close_id)s
        and (
            %(account_ids)s::reporting.account_key[] is null
            or account_id = any(%(account_ids)s::reporting.account_key[])
        )
),

accounts as (
    select
        account_id,
        count(*) as statement_count,
        sum(%(work_of_a_statement)s::bigint + line_count) as work_in_lines
    from statements
    group by account_id
),

numbered as (
    select
        account_id,
        statement_count,
        div(
            sum(work_in_lines) over (order by account_id) - work_in_lines,
            %(work_of_a_shard)s::numeric
        ) as shard_number
    from accounts
)

-- PostgreSQL has no min(uuid) before 18.
select distinct on (shard_number)
    first_value(account_id) over shard as first_account_id,
    last_value(account_id) over shard as last_account_id,
    (sum(statement_count) over shard)::bigint as statement_count
from numbered
window
    shard as (
        partition by shard_number
        order by account_id asc
        rows between unbounded preceding and unbounded following
    )
order by shard_number asc
