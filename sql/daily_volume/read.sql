-- The settled volume of one business day, in one scan at two grains:
--   merchant, its category, user country, currency, promotion funding and kind
--     (hour_start is null);
--   UTC hour, currency and kind (hour_start is set, merchant to funding are null).
with transactions as (
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
    from shared.settled_transactions
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

described as (
    select
        transactions.hour_start,
        transactions.merchant_id,
        transactions.currency,
        transactions.kind,
        transactions.amount_minor,
        transactions.fee_minor,
        transactions.discount_minor,
        coalesce(transactions.user_country, 'unknown') as user_country,
        case
            when transactions.promotion_id is null then 'none'
            else coalesce(promotions.funding, 'unknown')
        end as promotion_funding
    from transactions
    left join promotions on transactions.promotion_id = promotions.promotion_id
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
