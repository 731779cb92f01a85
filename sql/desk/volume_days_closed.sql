-- The closed business days of a range, in their current versions: one row a day.
select
    first_date as business_day,
    close_version,
    time_zone
from reporting.closes
where
    grain = 'day'
    and is_current
    and first_date >= %(first_day)s::date
    and first_date <= %(last_day)s::date
order by first_date asc
