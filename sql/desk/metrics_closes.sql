-- The closes by grain: one row each that was ever closed. The end of the period that was closed
-- last, and how many closes came out new, changed and confirmed.
select
    grain,
    max(period_end) filter (where is_current) as last_period_end,
    max(coalesce(confirmed_at, closed_at)) as last_closed_at,
    count(*) filter (where close_version = 1) as new_count,
    count(*) filter (where close_version > 1) as changed_count,
    coalesce(sum(confirmation_count), 0)::bigint as confirmed_count
from reporting.closes
group by grain
order by grain
