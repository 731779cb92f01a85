-- The settled volume of the closed business days of a range, as the rollups have it, summed: one
-- row a part of so many days, currency and kind. Part 0 begins with the first day. An empty
-- criterion matches everything.
with days as (
    select
        close_id,
        (first_date - %(first_day)s::date) / %(days_of_part)s::integer as part
    from reporting.closes
    where
        grain = 'day'
        and is_current
        and first_date >= %(first_day)s::date
        and first_date <= %(last_day)s::date
),

rollups as (
    select
        days.part,
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
    part,
    currency,
    kind,
    sum(transaction_count)::bigint as transaction_count,
    sum(amount_minor) as amount_minor,
    sum(fee_minor) as fee_minor,
    sum(discount_minor) as discount_minor
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
group by part, currency, kind
order by part asc, currency asc, kind asc
