-- The settled volume of the closed business days of a range, as the rollups have it: one row a day,
-- currency, kind and value of each column that is in split_by, newest day first, at most row_count.
-- A column that is not in split_by is null. An empty criterion matches everything.
with days as (
    select
        close_id,
        first_date as business_day,
        close_version,
        closed_at
    from reporting.closes
    where
        grain = 'day'
        and is_current
        and first_date >= %(first_day)s::date
        and first_date <= %(last_day)s::date
),

rollups as (
    select
        days.business_day,
        days.close_id,
        days.close_version,
        days.closed_at,
        of_day.currency,
        of_day.kind,
        of_day.merchant_id,
        of_day.merchant_category,
        of_day.user_country,
        of_day.promotion_funding,
        of_day.transaction_count,
        of_day.amount_minor,
        of_day.fee_minor,
        of_day.discount_minor
    from days
    inner join reporting.current_daily_volume as of_day on days.close_id = of_day.close_id
),

volume as (
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
    from rollups
    where
        (%(currency)s::text = '' or currency = %(currency)s::text)
        and (%(kind)s::text = '' or kind = %(kind)s::text)
        and (
            %(merchant_id)s::reporting.merchant_key is null
            or merchant_id = %(merchant_id)s::reporting.merchant_key
        )
        and (%(category)s::text = '' or merchant_category = %(category)s::text)
        and (%(country)s::text = '' or user_country = %(country)s::text)
        and (%(funding)s::text = '' or promotion_funding = %(funding)s::text)
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
