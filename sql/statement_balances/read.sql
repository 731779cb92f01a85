-- Opening and closing balance of a month: one row an account and currency that has any entry. Both
-- are sums from the first entry on, so that neither depends on an earlier close.
with ledger_entries as (
    select
        account_id,
        currency,
        posted_at,
        amount_minor
    from reporting_source.ledger_entries
    where posted_at < %(period_end)s
)

select
    account_id,
    currency,
    coalesce(
        sum(amount_minor) filter (where posted_at < %(period_start)s), 0
    )::bigint as opening_minor,
    sum(amount_minor)::bigint as closing_minor,
    count(*) filter (where posted_at >= %(period_start)s) as entry_count
from ledger_entries
group by account_id, currency
