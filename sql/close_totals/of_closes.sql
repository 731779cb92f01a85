-- The control totals of some closes: one row a close, measure and currency.
select
    close_id,
    measure,
    currency,
    row_count,
    amount_minor
from reporting.close_totals
where close_id = any(%(close_ids)s::bigint[])
