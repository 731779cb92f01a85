-- A closed month's statements cut into shards of account ids: one row a shard, in order, each of
-- shard_size statements (the last one may have fewer). All accounts, or those that are named.
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
        (row_number() over (order by account_id) - 1) / %(shard_size)s::bigint as shard_number
    from statements
)

select
    min(account_id) as first_account_id,
    max(account_id) as last_account_id,
    count(*) as statement_count
from numbered
group by shard_number
order by shard_number asc
