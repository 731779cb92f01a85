-- The closed hours since an instant: their starts. One without a payment is closed as well.
select period_start
from reporting.closes
where grain = 'hour' and is_current and period_start >= %(since)s
order by period_start
