-- The limit: the least that any volume of a period must read, one row.
select
    count(*) as transaction_count,
    sum(amount_minor)::bigint as amount_minor
from platform.transactions
where settled_at >= %(period_start)s and settled_at < %(period_end)s
