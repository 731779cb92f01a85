-- The settled volume of one business day, in one scan at two grains:
--   merchant, its category, user country, currency, promotion funding and kind
--     (hour_start is null);
--   UTC hour, currency and kind (hour_start is set, merchant to funding are null).
with transactions as (
    select
        settled_at,
        user_country,
        merchant_id,
        promotion_id,
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from reporting_source.transactions
),

merchants as (
    select
        merchant_id,
        category
    from reporting_source.merchants
),

promotions as (
    select
        promotion_id,
        funding
    from reporting_source.promotions
),

of_the_day as (
    select
        user_country,
        merchant_id,
        promotion_id,
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        hour_start
    from transactions
    where
        -- From the hour that holds the start to the one that holds the last instant.
        hour_start > %(period_start)s - interval '1 hour' and hour_start < %(period_end)s
        -- A day of a zone with half hours may begin or end within one.
        and (
            %(has_whole_hours)s
            or (settled_at >= %(period_start)s and settled_at < %(period_end)s)
        )
),

described as (
    select
        of_the_day.hour_start,
        of_the_day.merchant_id,
        of_the_day.currency,
        of_the_day.kind,
        of_the_day.amount_minor,
        of_the_day.fee_minor,
        of_the_day.discount_minor,
        coalesce(of_the_day.user_country, 'unknown') as user_country,
        case
            when of_the_day.promotion_id is null then 'none'
            else coalesce(promotions.funding, 'unknown')
        end as promotion_funding
    from of_the_day
    left join promotions on of_the_day.promotion_id = promotions.promotion_id
),

cells as (
    select
        hour_start,
        merchant_id,
        user_country,
        currency,
        promotion_funding,
        kind,
        count(*) as transaction_count,
        sum(amount_minor)::bigint as amount_minor,
        sum(fee_minor)::bigint as fee_minor,
        sum(discount_minor)::bigint as discount_minor
    from described
    group by grouping sets (
        (hour_start, currency, kind),
        (merchant_id, user_country, currency, promotion_funding, kind)
    )
)

-- A merchant has one category, so it is looked up for each cell, not for each transaction.
select
    cells.hour_start,
    cells.merchant_id,
    cells.user_country,
    cells.currency,
    cells.promotion_funding,
    cells.kind,
    cells.transaction_count,
    cells.amount_minor,
    cells.fee_minor,
    cells.discount_minor,
    case when cells.hour_start is null then coalesce(merchants.category, 'unknown') end
        as merchant_category
from cells
left join merchants on cells.merchant_id = merchants.merchant_id
