-- The differences between what two versions of a period left out: one row an account or currency.
with old_rows as (
    select
        measure,
        subject_kind,
        subject,
        currency,
        reason,
        row_count,
        amount_minor
    from reporting.close_exceptions
    where close_id = %(old_close_id)s
),

new_rows as (
    select
        measure,
        subject_kind,
        subject,
        currency,
        reason,
        row_count,
        amount_minor
    from reporting.close_exceptions
    where close_id = %(new_close_id)s
)

select
    measure,
    subject_kind,
    subject,
    currency,
    old_rows.reason as old_reason,
    new_rows.reason as new_reason,
    old_rows.row_count as old_row_count,
    new_rows.row_count as new_row_count
from old_rows
full join new_rows using (measure, subject_kind, subject, currency)
where
    (old_rows.reason, old_rows.row_count, old_rows.amount_minor)
    is distinct from
    (new_rows.reason, new_rows.row_count, new_rows.amount_minor)
