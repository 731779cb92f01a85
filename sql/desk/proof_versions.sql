-- All versions of a month, newest first, with what each was read from: one row a version. A close
-- from before histories were recorded has no reading.
select
    closes.close_id,
    closes.close_version,
    closes.is_current,
    closes.first_date,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.tzdata_version,
    closes.fence_lsn::text as fence_lsn,
    closes.fenced_at,
    closes.replica_name,
    closes.code_version,
    closes.run_id,
    closes.requested_by,
    closes.reason,
    closes.closed_at,
    closes.confirmed_at,
    closes.confirmation_count,
    readings.read_lsn::text as read_lsn,
    readings.read_at,
    histories.system_identifier,
    histories.timeline
from reporting.closes
left join lateral (
    select
        close_readings.read_lsn,
        close_readings.read_at,
        close_readings.history_id
    from reporting.close_readings
    where close_readings.close_id = closes.close_id
    order by close_readings.reading_id asc
    limit 1
) as readings on true
left join reporting.platform_histories as histories
    on readings.history_id = histories.history_id
where closes.grain = 'month' and closes.period_start = %(month_start)s
order by closes.close_version desc
