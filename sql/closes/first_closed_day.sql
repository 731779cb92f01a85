-- Where the first day begins that is closed: one row, null when no day is.
select min(period_start) as period_start
from reporting.closes
where grain = 'day' and is_current
