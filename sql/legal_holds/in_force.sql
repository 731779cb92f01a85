-- The legal holds that are in force: one row an account, the oldest first.
select
    account_id,
    reason,
    decided_by,
    decided_at
from reporting.held_accounts
order by hold_id asc
