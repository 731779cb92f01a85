-- The settled volume of one hour at the grain of currency and kind. Sums are numeric: they may be
-- beyond bigint, which must not stop the other currencies.
with transactions as (
    select
        hour_start,
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor
    from shared.settled_transactions
)

select
    hour_start,
    currency,
    kind,
    count(*) as transaction_count,
    sum(amount_minor) as amount_minor,
    sum(fee_minor) as fee_minor,
    sum(discount_minor) as discount_minor
from transactions
-- In the order of the index, so that nothing is hashed or sorted.
group by hour_start, currency, kind
