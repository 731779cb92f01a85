-- The lines of a month's statements: one row a ledger entry.
with ledger_entries as (
    select
        entry_id,
        account_id,
        transaction_id,
        posted_at,
        amount_minor,
        currency,
        kind,
        description,
        counterparty
    from reporting_source.ledger_entries
    -- guard: bounds.half-open-months
    where posted_at >= %(period_start)s and posted_at < %(period_end)s
)

select
    entry_id,
    account_id,
    transaction_id,
    posted_at,
    amount_minor,
    currency,
    kind,
    description,
    counterparty
from ledger_entries
