-- What a run has closed, of some periods given by grain and start: one row a period, with how often
-- the run has closed it, and the close of the last time. The outcome is what the whole run did, in
-- all of its tries: new or changed if it has made this version, confirmed if another run had.
-- Each close of a period writes one result of the check rows_equal_source under its run.
with asked as (
    select
        periods.grain,
        periods.period_start
    from
        unnest(%(grains)s::text[], %(starts)s::timestamptz[])
            as periods (grain, period_start)
),

proofs as (
    select
        tie_out_id,
        grain,
        period_start,
        close_id,
        run_id
    from reporting.tie_outs
    where
        run_id = %(run_id)s::text
        and check_name = 'rows_equal_source'
        and period_start = any(%(starts)s::timestamptz[])
),

closed as (
    select
        proofs.grain,
        proofs.period_start,
        proofs.close_id,
        closes.close_version,
        closes.run_id = proofs.run_id as is_of_run,
        count(*) over of_period as close_count,
        row_number() over (of_period order by proofs.tie_out_id desc) as number_from_last
    from proofs
    inner join asked
        on proofs.grain = asked.grain and proofs.period_start = asked.period_start
    inner join reporting.closes on proofs.close_id = closes.close_id
    window of_period as (partition by proofs.grain, proofs.period_start)
)

select
    grain,
    period_start,
    close_count,
    close_id,
    close_version,
    case
        when not is_of_run then 'confirmed'
        when close_version = 1 then 'new'
        else 'changed'
    end as outcome
from closed
where number_from_last = 1
