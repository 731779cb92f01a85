-- The checks of a month and of the days and hours in it, by grain and name, the last result of each
-- period: how many periods were checked, how many do not tie out, and when the last check was.
with checked as (
    select distinct on (tie_outs.period_start, tie_outs.grain, tie_outs.check_name)
        tie_outs.grain,
        tie_outs.check_name,
        tie_outs.offending_count,
        tie_outs.checked_at
    from reporting.tie_outs
    left join reporting.closes on tie_outs.close_id = closes.close_id
    where
        tie_outs.period_start >= %(month_start)s
        and tie_outs.period_start < %(month_end)s
        and (tie_outs.close_id is null or closes.is_current)
    order by
        tie_outs.period_start asc,
        tie_outs.grain asc,
        tie_outs.check_name asc,
        tie_outs.tie_out_id desc
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
