-- The ledger entries of a period: one row an entry. Without a CTE, so that PostgreSQL plans it
-- together with the query around it.
select
    entry_id,
    account_id,
    transaction_id,
    posted_at,
    amount_minor,
    amount_problem,
    currency,
    kind,
    description,
    counterparty
from shared.ledger_entries
where
    posted_at >= %(period_start)s
    and posted_at < %(period_end)s  -- guard: bounds.half-open-entries
