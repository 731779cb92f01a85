-- The settled volume of one hour at the grain of currency and kind.
with transactions as (
    select
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor
    from reporting_source.transactions
    where settled_at >= %(period_start)s and settled_at < %(period_end)s
)

select
    %(period_start)s::timestamptz as hour_start,
    currency,
    kind,
    count(*) as transaction_count,
    sum(amount_minor)::bigint as amount_minor,
    sum(fee_minor)::bigint as fee_minor,
    sum(discount_minor)::bigint as discount_minor
from transactions
group by currency, kind
