-- The period of a close: one row.
select
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date
from reporting.closes
where close_id = %(close_id)s
