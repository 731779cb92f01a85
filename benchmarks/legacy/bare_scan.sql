-- The limit: the least that any volume of a period of whole hours must read, one row.
select
    count(*) as transaction_count,
    sum(amount_minor)::bigint as amount_minor
from platform.transactions
where
    date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') >= %(period_start)s
    and date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') < %(period_end)s
