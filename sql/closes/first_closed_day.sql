-- The start of the first closed day: one row, null when no day is closed.
select min(period_start) as period_start
from reporting.closes
where grain = 'day' and is_current
