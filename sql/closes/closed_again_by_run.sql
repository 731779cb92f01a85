-- The closes that a run has written or confirmed from the current history, also by its earlier
-- tries: one row a period, with the close of the last time.
with readings as (
    select
        closes.grain,
        closes.period_start,
        closes.close_id,
        row_number() over (
            partition by closes.grain, closes.period_start order by readings.reading_id desc
        ) as number_from_last
    from reporting.close_readings as readings
    inner join reporting.closes on readings.close_id = closes.close_id
    where
        readings.run_id = %(run_id)s::text
        and readings.history_id = (
            select max(histories.history_id) from reporting.platform_histories as histories
        )
)

select
    grain,
    period_start,
    close_id
from readings
where number_from_last = 1
order by close_id
