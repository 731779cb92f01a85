-- The days that a run has closed, of some days given by their starts: one row a day, with how often
-- the run has closed it, and the close and the outcome of the last time.
-- Each close of a day writes one result of the check rows_equal_source under its run.
with proofs as (
    select
        tie_outs.period_start,
        tie_outs.close_id,
        closes.close_version,
        closes.run_id,
        count(*) over of_day as close_count,
        count(*) over of_version as close_count_of_version,
        row_number() over (of_day order by tie_outs.tie_out_id desc) as number_from_last
    from reporting.tie_outs
    inner join reporting.closes on tie_outs.close_id = closes.close_id
    where
        tie_outs.grain = 'day'
        and tie_outs.period_start = any(%(starts)s::timestamptz[])
        and tie_outs.run_id = %(run_id)s
        and tie_outs.check_name = 'rows_equal_source'
    window
        of_day as (partition by tie_outs.period_start),
        of_version as (partition by tie_outs.period_start, tie_outs.close_id)
)

select
    period_start,
    close_count,
    close_id,
    close_version,
    case
        when run_id <> %(run_id)s or close_count_of_version > 1 then 'confirmed'
        when close_version = 1 then 'new'
        else 'changed'
    end as outcome
from proofs
where number_from_last = 1
