-- Accounts with ledger entries that the platform does not list, lists in another currency, or
-- whose entries are in more than one currency. Reads what is staged for a month.
with balances as (
    select
        account_id,
        min(currency) as currency,
        count(*) as currency_count
    from staged_statement_balances
    group by account_id
),

accounts as (
    select
        account_id,
        min(currency) as currency,
        count(*) as account_count
    from staged_statement_accounts
    group by account_id
)

select
    balances.account_id,
    balances.currency as entries_currency,
    balances.currency_count,
    accounts.currency as account_currency,
    accounts.account_count
from balances
left join accounts on balances.account_id = accounts.account_id
where
    balances.currency_count <> 1
    or accounts.account_count is distinct from 1
    or balances.currency is distinct from accounts.currency
