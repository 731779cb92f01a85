-- The history that closes are read from now, and the newest position of its log that a close has
-- read, in bytes: one row; none before the first close.
with newest as (
    select max(history_id) as history_id
    from reporting.platform_histories
)

select
    histories.history_id,
    histories.system_identifier,
    histories.timeline,
    histories.switch_points,
    (
        select (max(readings.read_lsn) - '0/0'::pg_lsn)::bigint
        from reporting.close_readings as readings
        where readings.history_id = histories.history_id
    ) as newest_position
from reporting.platform_histories as histories
inner join newest on histories.history_id = newest.history_id
