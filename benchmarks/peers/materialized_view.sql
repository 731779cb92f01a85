-- Every business day's volume at the grain of daily_volume.sql: a view cannot be refreshed for one
-- day alone.
select
    (transactions.settled_at at time zone {time_zone})::date as business_day,
    transactions.merchant_id,
    coalesce(merchants.category, 'unknown') as merchant_category,
    coalesce(transactions.user_country, 'unknown') as user_country,
    transactions.currency,
    case
        when transactions.promotion_id is null then 'none'
        else coalesce(promotions.funding, 'unknown')
    end as promotion_funding,
    transactions.kind,
    count(*) as transaction_count,
    sum(transactions.amount_minor)::bigint as amount_minor,
    sum(transactions.fee_minor)::bigint as fee_minor,
    sum(transactions.discount_minor)::bigint as discount_minor
from reporting_source.transactions
left join reporting_source.merchants on transactions.merchant_id = merchants.merchant_id
left join reporting_source.promotions on transactions.promotion_id = promotions.promotion_id
where transactions.settled_at is not null
group by 1, 2, 3, 4, 5, 6, 7
