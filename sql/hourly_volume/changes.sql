-- The differences between two versions of an hour: one row a currency and kind, with old and
-- new values.
with old_rows as (
    select
        currency,
        kind,
        transaction_count,
        amount_minor,
        fee_minor,
        discount_minor
    from reporting.hourly_volume
    where close_id = %(old_close_id)s
),

new_rows as (
    select
        currency,
        kind,
        transaction_count,
        amount_minor,
        fee_minor,
        discount_minor
    from reporting.hourly_volume
    where close_id = %(new_close_id)s
)

select
    currency,
    kind,
    old_rows.transaction_count as old_transaction_count,
    new_rows.transaction_count as new_transaction_count,
    old_rows.amount_minor as old_amount_minor,
    new_rows.amount_minor as new_amount_minor,
    old_rows.fee_minor as old_fee_minor,
    new_rows.fee_minor as new_fee_minor,
    old_rows.discount_minor as old_discount_minor,
    new_rows.discount_minor as new_discount_minor
from old_rows
full join new_rows using (currency, kind)
where
    (old_rows.transaction_count, old_rows.amount_minor, old_rows.fee_minor, old_rows.discount_minor)
    is distinct from
    (new_rows.transaction_count, new_rows.amount_minor, new_rows.fee_minor, new_rows.discount_minor)
