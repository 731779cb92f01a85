-- The closes by grain: one row a grain that has any. The end of the latest closed period, the time
-- of the last close, and the numbers of new, changed and confirmed closes.
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
