-- The old daily report's query, asked once for every merchant: the settled volume of one
-- merchant in a period by user country, currency, promotion funding and kind.
select
    volume.merchant_id,
    volume.merchant_category,
    volume.user_country,
    volume.currency,
    volume.promotion_funding,
    volume.kind,
    count(*) as transaction_count,
    sum(volume.amount_minor)::bigint as amount_minor,
    sum(volume.fee_minor)::bigint as fee_minor,
    sum(volume.discount_minor)::bigint as discount_minor
from (
    select
        settled.merchant_id,
        settled.currency,
        settled.kind,
        settled.amount_minor,
        settled.fee_minor,
        settled.discount_minor,
        coalesce(
            (
                select merchants.category
                from platform.merchants
                where merchants.merchant_id = settled.merchant_id
            ),
            'unknown'
        ) as merchant_category,
        coalesce(users.country, 'unknown') as user_country,
        case
            when settled.promotion_id is null then 'none'
            else coalesce(
                (
                    select promotions.funding
                    from platform.promotions
                    where promotions.promotion_id = settled.promotion_id
                ),
                'unknown'
            )
        end as promotion_funding
    from (
        select *
        from platform.transactions
        where
            merchant_id = %(merchant_id)s
            and status = 'settled'
            and settled_at >= %(period_start)s
            and settled_at < %(period_end)s
    ) as settled
    left join platform.users on settled.user_id = users.user_id
) as volume
group by
    volume.merchant_id,
    volume.merchant_category,
    volume.user_country,
    volume.currency,
    volume.promotion_funding,
    volume.kind
