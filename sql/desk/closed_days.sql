-- The closed business days since a date, by the dates that they were closed under. One without a
-- payment is closed as well.
select first_date
from reporting.closes
where grain = 'day' and is_current and first_date >= %(since)s
order by first_date
