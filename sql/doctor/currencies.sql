-- The currencies of settled transactions and of ledger entries: one row a view and currency. It
-- looks at row_limit rows of each view, or at all of them if that is null.
with transactions as materialized (
    select currency
    from reporting_source.transactions
    where settled_at is not null
    limit %(row_limit)s -- noqa: AM09
),

ledger_entries as materialized (
    select currency
    from reporting_source.ledger_entries
    limit %(row_limit)s -- noqa: AM09
)

select
    'transactions' as view_name,
    currency,
    count(*) as row_count
from transactions
group by currency
union all
select
    'ledger_entries' as view_name,
    currency,
    count(*) as row_count
from ledger_entries
group by currency
