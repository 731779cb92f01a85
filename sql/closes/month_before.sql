-- The last closed month before a month: one row, or none.
select first_date
from reporting.closes
where is_current and grain = 'month' and first_date < %(first_date)s
order by first_date desc
limit 1
