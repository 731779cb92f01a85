-- The current closes that may hold rows of a lost log: one row a close; hours, then days, then
-- months, each in order. A close is safe when one of its readings is of the current history, or of
-- the part of an earlier history's log that the current one shares. A close without a recorded
-- reading is older than the table close_readings, and was read from the adopted history. It is safe
-- when its fence lies in the shared part, and a fence that was taken after the close was written
-- lies there too.
with newest as (
    select max(acknowledged_history_id) as acknowledged_history_id
    from reporting.lost_logs
),

lost as (
    select
        lost_logs.history_id,
        lost_logs.common_lsn
    from reporting.lost_logs
    inner join newest on lost_logs.acknowledged_history_id = newest.acknowledged_history_id
),

lost_of_adopted as (
    select lost.common_lsn
    from lost
    inner join reporting.platform_histories as histories on lost.history_id = histories.history_id
    where histories.is_adopted
),

without_reading as (
    select
        closes.close_id,
        closes.fence_lsn,
        closes.fenced_at,
        closes.closed_at
    from reporting.closes
    where
        not exists (
            select 1
            from reporting.close_readings as readings
            where readings.close_id = closes.close_id
        )
),

adopted_fences as (
    select
        closes.fence_lsn,
        closes.fenced_at
    from reporting.closes
    inner join reporting.close_readings as readings on closes.close_id = readings.close_id
    inner join reporting.platform_histories as histories
        on readings.history_id = histories.history_id
    where histories.is_adopted and readings.fence_lsn = closes.fence_lsn
    union all
    select
        fence_lsn,
        fenced_at
    from without_reading
),

last_safe_fence as (
    select max(adopted_fences.fenced_at) as fenced_at
    from adopted_fences
    inner join lost_of_adopted on adopted_fences.fence_lsn <= lost_of_adopted.common_lsn
),

doubtful as (
    select readings.close_id
    from reporting.close_readings as readings
    inner join lost on readings.history_id = lost.history_id
    where
        readings.read_lsn > lost.common_lsn
        and not exists (
            select 1
            from reporting.close_readings as other_readings
            left join lost as other_lost on other_readings.history_id = other_lost.history_id
            where
                other_readings.close_id = readings.close_id
                and (
                    other_lost.history_id is null
                    or other_readings.read_lsn <= other_lost.common_lsn
                )
        )
    union
    select without_reading.close_id
    from without_reading
    cross join lost_of_adopted
    cross join last_safe_fence
    where
        without_reading.fence_lsn > lost_of_adopted.common_lsn
        or last_safe_fence.fenced_at is null
        or without_reading.closed_at > last_safe_fence.fenced_at
)

select
    closes.close_id,
    closes.grain,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.first_date,
    closes.last_date
from reporting.closes
inner join doubtful on closes.close_id = doubtful.close_id
where closes.is_current
order by
    array_position(array['hour', 'day', 'month'], closes.grain) asc,
    closes.period_start asc
