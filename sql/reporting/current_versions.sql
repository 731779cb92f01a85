-- The current closes of some grains that begin inside a period: one row each.
select
    grain,
    period_start,
    close_id
from reporting.closes
where
    is_current
    and grain = any(%(grains)s)
    and period_start >= %(period_start)s
    and period_start < %(period_end)s
