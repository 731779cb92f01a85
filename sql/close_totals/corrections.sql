-- How the control totals of a close differ from those of the version before it: one row a
-- measure and currency; none for a first version.
select
    measure,
    currency,
    old_row_count,
    new_row_count,
    old_amount_minor,
    new_amount_minor
from reporting.corrections
where close_id = %(close_id)s
order by measure asc, currency asc
