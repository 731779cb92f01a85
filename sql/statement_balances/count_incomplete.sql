-- How many of the staged balances have an entry without an amount: one row.
select count(*) as incomplete_balance_count
from staged_statement_balances
where incomplete_count > 0
