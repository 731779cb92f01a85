-- The period that was closed last: one row a grain that ever was.
select distinct on (grain)
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date
from reporting.closes
where is_current
order by grain asc, period_start desc
