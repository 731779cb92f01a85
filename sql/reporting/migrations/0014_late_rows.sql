-- The rows that came late for a closed period and that the close of an enclosing one found: the
-- hours that a day closed again, and the days and hours that a month did. One row a version of the
-- shorter period, measure and currency. Both were written by one reading: it has one position.
create view reporting.late_rows as
with first_readings as (
    select
        close_id,
        min(reading_id) as reading_id
    from reporting.close_readings
    group by close_id
),

found as (
    select closes.close_id
    from reporting.closes
    inner join first_readings on closes.close_id = first_readings.close_id
    inner join reporting.close_readings as readings
        on first_readings.reading_id = readings.reading_id
    where
        closes.close_version > 1
        and exists (
            select 1
            from reporting.close_readings as enclosing_readings
            inner join reporting.closes as enclosing
                on enclosing_readings.close_id = enclosing.close_id
            where
                enclosing_readings.history_id = readings.history_id
                and enclosing_readings.read_lsn = readings.read_lsn
                and enclosing_readings.fence_lsn = readings.fence_lsn
                and enclosing_readings.run_id = readings.run_id
                -- guard: late-rows.found-by-an-enclosing-close
                and enclosing.grain <> closes.grain
                and enclosing.period_start <= closes.period_start
                and enclosing.period_end >= closes.period_end
        )
)

select
    corrections.close_id,
    corrections.grain,
    corrections.period_start,
    corrections.measure,
    corrections.currency,
    corrections.late_row_count
from reporting.corrections
inner join found on corrections.close_id = found.close_id
where corrections.late_row_count > 0;  -- guard: late-rows.gone-rows-do-not-count

grant select on reporting.late_rows to closebook_store, closebook_desk;
