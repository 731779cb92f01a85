-- The latest closed period of each grain: one row a grain that has one.
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
