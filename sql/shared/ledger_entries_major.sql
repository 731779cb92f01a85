-- The ledger entries of a platform whose view has amounts in major units: one row an entry, with
-- the amount in minor units. The amount is null, and amount_problem says why, if it is no whole
-- number of minor units (also NaN) or is beyond bigint. It is never rounded. Both are null in a
-- currency that is not known, which is an exception of its own.
select
    entry_id,
    account_id,
    transaction_id,
    posted_at,
    currency,
    kind,
    description,
    counterparty,
    case
        when
            amount = trunc(amount)  -- guard: amounts.exact-entry
            -- guard: amounts.entry-within-bigint
            and abs(amount) <= 9223372036854775807
            then amount::bigint
    end as amount_minor,
    case
        when amount <> trunc(amount) or amount = 'NaN' then 'amount_inexact'
        when abs(amount) > 9223372036854775807 then 'beyond_bigint'
    end as amount_problem
from (
    select
        ledger_entries.entry_id,
        ledger_entries.account_id,
        ledger_entries.transaction_id,
        ledger_entries.posted_at,
        ledger_entries.currency,
        ledger_entries.kind,
        ledger_entries.description,
        ledger_entries.counterparty,
        ledger_entries.amount_major * currencies.minor_per_major as amount
    from reporting_source.ledger_entries
    left join
        unnest(%(currencies)s::text[], %(minor_per_major)s::numeric[])
            as currencies (currency, minor_per_major)
        on ledger_entries.currency = currencies.currency
) as multiplied
