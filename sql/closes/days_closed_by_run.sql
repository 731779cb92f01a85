-- The days, given by their starts, that a run has closed or confirmed, and how often: one row a
-- day. Each close leaves this check under its run.
select
    period_start,
    count(*) as close_count
from reporting.tie_outs
where
    grain = 'day'
    and period_start = any(%(starts)s::timestamptz[])
    and run_id = %(run_id)s
    and check_name = 'rows_equal_source'
    and close_id is not null
group by period_start
