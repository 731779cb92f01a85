-- The lines of a month's statements: one row a ledger entry. A text beyond the limit that
-- docs/contract.md names is cut, with three full stops: not every encoding has an ellipsis. Only
-- its start is read.
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
    from shared.posted_entries
)

select
    entry_id,
    account_id,
    transaction_id,
    posted_at,
    amount_minor,
    currency,
    case
        when octet_length(kind) > 50 and length(left(kind, 51)) > 50
            then left(kind, 47) || '...'
        else kind
    end as kind,
    case
        -- guard: limits.description
        when octet_length(description) > 1000 and length(left(description, 1001)) > 1000
            then left(description, 997) || '...'
        else description
    end as description,
    case
        when octet_length(counterparty) > 200 and length(left(counterparty, 201)) > 200
            then left(counterparty, 197) || '...'
        else counterparty
    end as counterparty
from ledger_entries
