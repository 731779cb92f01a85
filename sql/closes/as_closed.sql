-- The current closes of a grain by their first business dates: one row for each that is closed,
-- with the bounds, the dates and the zone that it was closed under.
select
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date
from reporting.closes
where is_current and grain = %(grain)s and first_date = any(%(first_dates)s::date[])
