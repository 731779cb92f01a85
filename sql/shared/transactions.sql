-- The transactions of a platform whose view has amounts in minor units: one row a transaction.
-- amount_problem is why an amount could not be taken as a number of minor units: here never.
select
    transaction_id,
    user_country,
    merchant_id,
    promotion_id,
    kind,
    currency,
    amount_minor,
    fee_minor,
    discount_minor,
    status,
    settled_at,
    null::text as amount_problem
from reporting_source.transactions
