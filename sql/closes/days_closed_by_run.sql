-- How often a run has closed or confirmed each of some days, given by their starts: one row a day.
-- Each close of a day writes one result of the check rows_equal_source under its run.
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
