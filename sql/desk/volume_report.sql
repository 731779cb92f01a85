-- The settled volume of the closed business days of a range, as the rollups have it: one row a day,
-- currency, kind and value of each column that is in split_by, newest day first, at most row_count.
-- A column that is not in split_by is null. An empty criterion matches everything.
with volume as (
    select -- noqa: ST06
        business_day,
        close_id,
        close_version,
        closed_at,
        currency,
        kind,
        case when 'merchant' = any(%(split_by)s::text[]) then merchant_id::text end as merchant_id,
        case
            when 'category' = any(%(split_by)s::text[]) then merchant_category
        end as merchant_category,
        case when 'country' = any(%(split_by)s::text[]) then user_country end as user_country,
        case
            when 'funding' = any(%(split_by)s::text[]) then promotion_funding
        end as promotion_funding,
        transaction_count,
        amount_minor,
        fee_minor,
        discount_minor
    from reported.daily_volume
)

select
    business_day,
    close_id,
    close_version,
    closed_at,
    currency,
    kind,
    merchant_id,
    merchant_category,
    user_country,
    promotion_funding,
    sum(transaction_count)::bigint as transaction_count,
    sum(amount_minor) as amount_minor,
    sum(fee_minor) as fee_minor,
    sum(discount_minor) as discount_minor
from volume
group by
    business_day,
    close_id,
    close_version,
    closed_at,
    currency,
    kind,
    merchant_id,
    merchant_category,
    user_country,
    promotion_funding
order by
    business_day desc,
    currency asc,
    kind asc,
    merchant_id asc,
    merchant_category asc,
    user_country asc,
    promotion_funding asc
limit %(row_count)s
