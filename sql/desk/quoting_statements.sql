-- The issued statements that have one of the typed amounts, or a line of the typed entry; those of
-- released months or of all months. One row a statement, the newest close first, at most row_count.
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
