-- The transactions of a platform whose view has amounts in major units: one row a transaction, with
-- its amounts in minor units. An amount is null, and amount_problem says why, if it is no whole
-- number of minor units (also NaN) or is beyond bigint. It is never rounded. All are null in a
-- currency that is not known, which is an exception of its own.
select
    transaction_id,
    user_country,
    merchant_id,
    promotion_id,
    kind,
    currency,
    status,
    settled_at,
    case
        when
            amount = trunc(amount)  -- guard: amounts.exact-amount
            -- guard: amounts.amount-within-bigint
            and abs(amount) <= 9223372036854775807
            then amount::bigint
    end as amount_minor,
    case
        when
            fee = trunc(fee)  -- guard: amounts.exact-fee
            -- guard: amounts.fee-within-bigint
            and abs(fee) <= 9223372036854775807
            then fee::bigint
    end as fee_minor,
    case
        when
            discount = trunc(discount)  -- guard: amounts.exact-discount
            -- guard: amounts.discount-within-bigint
            and abs(discount) <= 9223372036854775807
            then discount::bigint
    end as discount_minor,
    case
        when amount <> trunc(amount) or amount = 'NaN' then 'amount_inexact'
        when fee <> trunc(fee) or fee = 'NaN' then 'amount_inexact'
        when discount <> trunc(discount) or discount = 'NaN' then 'amount_inexact'
        when greatest(abs(amount), abs(fee), abs(discount)) > 9223372036854775807
            then 'beyond_bigint'
    end as amount_problem
from (
    select
        transactions.transaction_id,
        transactions.user_country,
        transactions.merchant_id,
        transactions.promotion_id,
        transactions.kind,
        transactions.currency,
        transactions.status,
        transactions.settled_at,
        transactions.amount_major * currencies.minor_per_major as amount,
        transactions.fee_major * currencies.minor_per_major as fee,
        transactions.discount_major * currencies.minor_per_major as discount
    from reporting_source.transactions
    left join
        unnest(%(currencies)s::text[], %(minor_per_major)s::numeric[])
            as currencies (currency, minor_per_major)
        on transactions.currency = currencies.currency
) as multiplied
