-- The settled volume of one business day as the old report gave it, its merchants added up: by
-- merchant category, user country, currency, promotion funding and kind. No close runs it: the
-- store has the same from daily_volume.sql, which keeps the merchant too.
--
-- Grouped by the columns as they come from the tables, of which the planner knows how many values
-- they have, so that each process adds up its own rows; described, and added up again, after that.
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
        settled_at,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from reporting_source.transactions
),

cells as (
    select
        merchants.category,
        transactions.user_country,
        transactions.currency,
        promotions.funding,
        transactions.promotion_id is null as is_unpromoted,
        transactions.kind,
        count(*) as transaction_count,
        sum(transactions.amount_minor) as amount_minor,
        sum(transactions.fee_minor) as fee_minor,
        sum(transactions.discount_minor) as discount_minor
    from transactions
    left join reporting_source.merchants on transactions.merchant_id = merchants.merchant_id
    left join reporting_source.promotions on transactions.promotion_id = promotions.promotion_id
    where
        -- From the hour that holds the start to the one that holds the last instant.
        transactions.hour_start > %(period_start)s - interval '1 hour'
        and transactions.hour_start < %(period_end)s
        -- A day of a zone with half hours may begin or end within one.
        and (
            %(has_whole_hours)s
            or (
                transactions.settled_at >= %(period_start)s
                and transactions.settled_at < %(period_end)s
            )
        )
    group by
        merchants.category,
        transactions.user_country,
        transactions.currency,
        promotions.funding,
        transactions.promotion_id is null,
        transactions.kind
),

described as (
    select
        currency,
        kind,
        transaction_count,
        amount_minor,
        fee_minor,
        discount_minor,
        coalesce(category, 'unknown') as merchant_category,
        coalesce(user_country, 'unknown') as user_country,
        case when is_unpromoted then 'none' else coalesce(funding, 'unknown') end
            as promotion_funding
    from cells
)

select
    merchant_category,
    user_country,
    currency,
    promotion_funding,
    kind,
    sum(transaction_count)::bigint as transaction_count,
    sum(amount_minor)::bigint as amount_minor,
    sum(fee_minor)::bigint as fee_minor,
    sum(discount_minor)::bigint as discount_minor
from described
group by merchant_category, user_country, currency, promotion_funding, kind
