-- The current close of a period: one row, or none.
select
    close_id,
    close_version,
    period_end
from reporting.closes
where grain = %(grain)s and period_start = %(period_start)s and is_current
