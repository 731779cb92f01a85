-- A closed month's statements cut into shards of account ids: one row a shard, in order, whose
-- sizes differ by one at the most. All accounts, or those that are named.
with statements as (
    select account_id
    from reporting.statements
    where
        close_id = %(close_id)s
        and (%(account_ids)s::bigint[] is null or account_id = any(%(account_ids)s::bigint[]))
),

numbered as (
    select
        account_id,
        ntile(%(shard_count)s::int) over (order by account_id) as shard_number
    from statements
)

select
    min(account_id) as first_account_id,
    max(account_id) as last_account_id,
    count(*) as statement_count
from numbered
group by shard_number
order by shard_number asc
