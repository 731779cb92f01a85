-- Opening and closing balance of a month: one row an account and currency that has any entry. Both
-- are sums from the first entry on, so that neither depends on an earlier close. They are numeric:
-- one that is beyond bigint must not stop the other accounts. incomplete_count is the number of
-- entries without an amount.
with ledger_entries as (
    select
        account_id,
        currency,
        posted_at,
        amount_minor
    from shared.ledger_entries
    where posted_at < %(period_end)s
)

select
    account_id,
    currency,
    coalesce(sum(amount_minor) filter (where posted_at < %(period_start)s), 0) as opening_minor,
    coalesce(sum(amount_minor), 0) as closing_minor,
    count(*) filter (where posted_at >= %(period_start)s) as entry_count,
    count(*) - count(amount_minor) as incomplete_count
from ledger_entries
group by account_id, currency
