-- One business day's volume at the grain of daily_volume.sql, in place of what the table has of it.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_day',
    indexes=[{'columns': ['business_day']}]
) }}

select
    date '{{ var("business_day") }}' as business_day,
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
where
    -- As the platform's index has them: the day begins with an hour.
    date_bin('1 hour', transactions.settled_at, timestamptz '2000-01-01 00:00:00+00')
        >= '{{ var("period_start") }}'
    and date_bin('1 hour', transactions.settled_at, timestamptz '2000-01-01 00:00:00+00')
        < '{{ var("period_end") }}'
group by 1, 2, 3, 4, 5, 6, 7
