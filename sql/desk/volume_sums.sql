-- The settled volume of the closed business days of a range, as the rollups have it, summed: one
-- row a part of so many days, currency and kind. Part 0 begins with the first day. An empty
-- criterion matches everything.
with volume as (
    select
        currency,
        kind,
        transaction_count,
        amount_minor,
        fee_minor,
        discount_minor,
        (business_day - %(first_day)s::date) / %(days_of_part)s::integer as part
    from reported.daily_volume
)

select
    part,
    currency,
    kind,
    sum(transaction_count)::bigint as transaction_count,
    sum(amount_minor) as amount_minor,
    sum(fee_minor) as fee_minor,
    sum(discount_minor) as discount_minor
from volume
group by part, currency, kind
order by part asc, currency asc, kind asc
