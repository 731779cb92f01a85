-- The closes that a run has written or confirmed from the current history, also by its earlier
-- tries: one row a period, with the close of the last time.
with current_history as (
    select max(history_id) as history_id
    from reporting.platform_histories
),

of_run as (
    select
        reading_id,
        close_id,
        history_id
    from reporting.close_readings
    where run_id = %(run_id)s::text
),

readings as (
    select
        closes.grain,
        closes.period_start,
        closes.close_id,
        row_number() over (
            partition by closes.grain, closes.period_start order by of_run.reading_id desc
        ) as number_from_last
    from of_run
    inner join current_history on of_run.history_id = current_history.history_id
    inner join reporting.closes on of_run.close_id = closes.close_id
)

select
    grain,
    period_start,
    close_id
from readings
where number_from_last = 1
order by close_id
