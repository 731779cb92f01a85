-- What the current closes of some grains from an instant on, and before another one, have left
-- out: one row a measure, subject and reason, with the number of periods, of rows, and the last
-- period. The first 100.
with closes as (
    select
        close_id,
        period_start
    from reporting.closes
    where
        is_current
        and grain = any(%(grains)s::text[])
        and period_start >= %(since)s
        and period_start < %(until)s
)

select
    exceptions.measure,
    exceptions.subject_kind,
    exceptions.subject,
    exceptions.reason,
    count(distinct closes.close_id) as period_count,
    sum(exceptions.row_count)::bigint as row_count,
    max(closes.period_start) as last_period_start
from reporting.close_exceptions as exceptions
inner join closes on exceptions.close_id = closes.close_id
group by exceptions.measure, exceptions.subject_kind, exceptions.subject, exceptions.reason
order by
    exceptions.measure desc,
    exceptions.subject_kind desc,
    exceptions.subject asc,
    exceptions.reason asc
limit 100
