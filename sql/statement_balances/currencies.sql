-- The currencies of the staged balances: one row each.
select distinct coalesce(currency, '') as currency
from staged_statement_balances
