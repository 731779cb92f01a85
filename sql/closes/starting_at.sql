-- The current close of a grain that begins at an instant: one row, or none.
select
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date
from reporting.closes
where is_current and grain = %(grain)s and period_start = %(period_start)s
