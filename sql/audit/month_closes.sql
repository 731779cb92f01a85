-- All closes of months in their order: one row a close.
select
    close_id,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date,
    grain
from reporting.closes
where grain = 'month'
order by close_id asc
