-- Writes one day's account movement from the staged rows.
insert into reporting.daily_account_movement (
    close_id, business_day, account_id, currency, entry_count, credit_minor, debit_minor
)
select
    %(close_id)s as close_id,
    %(business_day)s,
    account_id,
    currency,
    entry_count,
    credit_minor,
    debit_minor
from staged_daily_account_movement
