-- The days that a run has closed, of some days given by their starts: one row a day, with how often
-- the run has closed it, and the close and the outcome of the last time.
-- Each close of a day writes one result of the check rows_equal_source under its run.
with proofs as (
    select
        tie_out_id,
        period_start,
        close_id,
        run_id
    from reporting.tie_outs
    where
        grain = 'day'
        and period_start = any(%(starts)s::timestamptz[])
        and run_id = %(run_id)s
        and check_name = 'rows_equal_source'
),

closed as (
    select
        proofs.period_start,
        proofs.close_id,
        closes.close_version,
        closes.run_id = proofs.run_id as is_of_run,
        count(*) over of_day as close_count,
        count(*) over of_version as close_count_of_version,
        row_number() over (of_day order by proofs.tie_out_id desc) as number_from_last
    from proofs
    inner join reporting.closes on proofs.close_id = closes.close_id
    window
        of_day as (partition by proofs.period_start),
        of_version as (partition by proofs.period_start, proofs.close_id)
)

select
    period_start,
    close_count,
    close_id,
    close_version,
    case
        when not is_of_run or close_count_of_version > 1 then 'confirmed'
        when close_version = 1 then 'new'
        else 'changed'
    end as outcome
from closed
where number_from_last = 1
