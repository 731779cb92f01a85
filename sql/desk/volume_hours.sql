-- The settled payments of the closed hours since an instant: one row an hour and currency.
select
    hour_start,
    currency,
    sum(transaction_count)::bigint as payment_count,
    sum(amount_minor) as amount_minor
from reporting.current_hourly_volume
where kind = 'payment' and hour_start >= %(since)s
group by hour_start, currency
order by hour_start, currency
