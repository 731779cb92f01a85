-- The movement of each account in one business day: one row an account and currency that has
-- entries. Credits and debits are both positive minor units. Without the currencies that are left
-- out, and without the accounts of read_exceptions.sql. Ordered by the key of the store's table,
-- which makes writing the rows and reading them again faster.
with ledger_entries as (
    select
        account_id,
        currency,
        amount_minor
    from shared.ledger_entries
    where
        posted_at >= %(period_start)s
        and posted_at < %(period_end)s
        -- guard: exceptions.left-out-of-the-movement
        and coalesce(currency, '') <> all(%(left_out_currencies)s::text[])
)

select
    account_id,
    currency,
    count(*) as entry_count,
    coalesce(sum(amount_minor) filter (where amount_minor > 0), 0)::bigint as credit_minor,
    coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0)::bigint as debit_minor
from ledger_entries
where account_id is not null
group by account_id, currency
having
    count(*) = count(amount_minor)  -- guard: exceptions.entry-without-amount
    -- guard: limits.account-key
    and not (%(has_text_keys)s and octet_length(account_id::text) not between 1 and 200)
    and coalesce(sum(amount_minor) filter (where amount_minor > 0), 0) <= 9223372036854775807
    and coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0) <= 9223372036854775807
order by account_id, currency
