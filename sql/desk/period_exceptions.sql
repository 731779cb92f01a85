-- What the current closes of some grains from an instant on, and before another one, have left
-- out: one row a measure, subject and reason, with the number of periods, of rows, and the last
-- period. The first 100.
with exceptions as (
    select
        close_id,
        period_start,
        measure,
        subject_kind,
        subject,
        reason,
        row_count
    from reporting.current_exceptions
    where
        grain = any(%(grains)s::text[])
        and period_start >= %(since)s
        and period_start < %(until)s
)

select
    measure,
    subject_kind,
    subject,
    reason,
    count(distinct close_id) as period_count,
    sum(row_count)::bigint as row_count,
    max(period_start) as last_period_start
from exceptions
group by measure, subject_kind, subject, reason
order by
    measure desc,
    subject_kind desc,
    subject asc,
    reason asc
limit 100
