-- The settled volume of one hour by currency and kind, from a bare scan: by the instant itself and
-- not by the hour that the index has. One row a currency and kind.
with transactions as (
    select
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor
    from shared.transactions
    where settled_at >= %(period_start)s and settled_at < %(period_end)s
)

select
    currency,
    kind,
    count(*) as transaction_count,
    sum(amount_minor) as amount_minor,
    sum(fee_minor) as fee_minor,
    sum(discount_minor) as discount_minor
from transactions
group by currency, kind
