-- A closed month's statements cut into shards of account ids: one row a shard, in order, whose
-- sizes differ by one at the most. All accounts, or those that are named.
with statements as (
    select account_id
    from reporting.statements
    where
        close_id = %(close_id)s
        and (
            %(account_ids)s::reporting.account_key[] is null
            or account_id = any(%(account_ids)s::reporting.account_key[])
        )
),

numbered as (
    select
        account_id,
        ntile(%(shard_count)s::int) over (order by account_id) as shard_number
    from statements
)

-- PostgreSQL has no min(uuid) before 18.
select distinct on (shard_number)
    first_value(account_id) over shard as first_account_id,
    last_value(account_id) over shard as last_account_id,
    count(*) over shard as statement_count
from numbered
window
    shard as (
        partition by shard_number
        order by account_id asc
        rows between unbounded preceding and unbounded following
    )
order by shard_number asc
