-- The checks of a month and of the days and hours in it, by grain and name, the last result of each
-- period: how many periods were checked, how many do not tie out, and when the last check was.
with checked as (
    select distinct on (period_start, grain, check_name)
        grain,
        check_name,
        offending_count,
        checked_at
    from reporting.check_results
    where
        period_start >= %(month_start)s
        and period_start < %(month_end)s
        and counts
    order by
        period_start asc,
        grain asc,
        check_name asc,
        tie_out_id desc
)

select
    grain,
    check_name,
    count(*) as period_count,
    count(*) filter (where offending_count > 0) as offending_period_count,
    max(checked_at) as checked_at
from checked
group by grain, check_name
order by grain desc, check_name asc
