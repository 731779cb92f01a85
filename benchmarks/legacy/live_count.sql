-- The old counter: payments ever settled, counted anew each time, one row a currency.
select
    currency,
    count(*) as transaction_count,
    sum(amount_minor)::bigint as amount_minor
from platform.transactions
where kind = 'payment' and status = 'settled'
group by currency
