-- The settled payments of the closed business days since a date: one row a day and currency.
select
    business_day,
    currency,
    sum(transaction_count)::bigint as payment_count,
    sum(amount_minor) as amount_minor
from reporting.current_daily_volume
where kind = 'payment' and business_day >= %(since)s
group by business_day, currency
order by business_day, currency
