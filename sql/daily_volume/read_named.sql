-- Which of some merchants and promotions a day's settled transactions name: one row each, with the
-- key as text.
with transactions as materialized (
    select distinct
        merchant_id::text as merchant_id,
        promotion_id::text as promotion_id
    from shared.settled_transactions
)

select distinct
    'merchant' as subject_kind,
    merchant_id as subject_id
from transactions
where merchant_id = any(%(merchants)s::text[])

union all

select distinct
    'promotion' as subject_kind,
    promotion_id as subject_id
from transactions
where promotion_id = any(%(promotions)s::text[])

order by subject_kind asc, subject_id asc
