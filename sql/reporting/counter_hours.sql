-- From when to when hours are closed and how many of them are not: one row, or none.
with hours as (
    select
        period_start,
        period_end
    from reporting.closes
    where grain = 'hour' and is_current
)

select
    min(period_start) as counted_from,
    max(period_end) as as_of,
    (extract(epoch from max(period_end) - min(period_start)) / 3600)::bigint
    - count(*) as missing_hour_count
from hours
having count(*) > 0
