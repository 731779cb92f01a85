-- The issued statements that have an amount or a line's entry, of released months or of all: one
-- row a statement, the newest close first, at most so many.
select
    close_id,
    account_id,
    currency
from reporting.statements_quoting(
    %(amounts)s::bigint[],
    %(amount_currencies)s::text[],
    %(entry_id)s::reporting.entry_key,
    %(month_start)s::timestamptz,
    %(account_ids)s::reporting.account_key[],
    %(released_only)s::boolean,
    %(row_count)s::integer
)
