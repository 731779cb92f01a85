-- The settled volume of one business day, in one scan at two grains:
--   merchant, its category, user country, currency, promotion funding and kind
--     (hour_start is null);
--   UTC hour, currency and kind (hour_start is set, merchant to funding are null).
-- Sums are numeric, as in hourly_volume/read.sql.
-- A category, country or funding of more than 200 bytes is named by its start and its hash, since
-- the key of the store's table has no room for more than 2,700 bytes.
-- A merchant or promotion that is listed more than once counts once: with the text of its rows if
-- they have the same, else as unknown. daily_volume/read_repeated.sql names it.
with transactions as (
    select
        merchant_id,
        promotion_id,
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        hour_start,
        case
            when octet_length(user_country) > 200  -- guard: limits.country
                then
                    left(user_country, 40) || ' (too long, sha256 '
                    || left(encode(sha256(convert_to(user_country, 'UTF8')), 'hex'), 16) || ')'
            else user_country
        end as user_country
    from shared.settled_transactions
),

bounded_merchants as (
    select
        merchant_id,
        case
            when octet_length(category) > 200  -- guard: limits.category
                then
                    left(category, 40) || ' (too long, sha256 '
                    || left(encode(sha256(convert_to(category, 'UTF8')), 'hex'), 16) || ')'
            else category
        end as category
    from reporting_source.merchants
),

bounded_promotions as (
    select
        promotion_id,
        case
            when octet_length(funding) > 200  -- guard: limits.funding
                then
                    left(funding, 40) || ' (too long, sha256 '
                    || left(encode(sha256(convert_to(funding, 'UTF8')), 'hex'), 16) || ')'
            else funding
        end as funding
    from reporting_source.promotions
),

merchants as (
    select
        merchant_id,
        case
            when min(category) = max(category)  -- guard: repeated.category
                then min(category)
        end as category
    from bounded_merchants
    group by merchant_id
),

promotions as (
    select
        promotion_id,
        case
            when min(funding) = max(funding)  -- guard: repeated.funding
                then min(funding)
        end as funding
    from bounded_promotions
    group by promotion_id
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
        sum(amount_minor) as amount_minor,
        sum(fee_minor) as fee_minor,
        sum(discount_minor) as discount_minor
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
