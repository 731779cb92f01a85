-- The rows of the daily rollups of a volume report, with the current close of their day: those of
-- the closed business days of a range that match all criteria; an empty criterion matches all.
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
