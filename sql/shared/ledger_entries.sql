-- The ledger entries of a platform whose view has amounts in minor units: one row an entry.
-- amount_problem is why an amount could not be taken as a number of minor units: here never.
select
    entry_id,
    account_id,
    transaction_id,
    posted_at,
    amount_minor,
    currency,
    kind,
    description,
    counterparty,
    null::text as amount_problem
from reporting_source.ledger_entries
