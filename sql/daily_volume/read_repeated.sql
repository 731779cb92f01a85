-- The merchants and promotions of a day's settled transactions that the platform lists more than
-- once: one row each, with the key as text, since the two may have different types. The
-- transactions are read only if there is such a merchant or promotion.
with repeated_merchants as materialized (
    select merchant_id
    from reporting_source.merchants
    group by merchant_id
    having count(*) > 1  -- guard: repeated.merchant-is-named
),

repeated_promotions as materialized (
    select promotion_id
    from reporting_source.promotions
    group by promotion_id
    having count(*) > 1  -- guard: repeated.promotion-is-named
),

transactions as materialized (
    select distinct
        merchant_id,
        promotion_id
    from shared.settled_transactions
    where
        exists (select 1 from repeated_merchants)
        or exists (select 1 from repeated_promotions)
)

select
    'merchant' as subject_kind,
    merchant_id::text as subject_id
from repeated_merchants
where merchant_id in (select transactions.merchant_id from transactions)

union all

select
    'promotion' as subject_kind,
    promotion_id::text as subject_id
from repeated_promotions
where promotion_id in (select transactions.promotion_id from transactions)

order by subject_kind asc, subject_id asc
