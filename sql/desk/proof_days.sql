-- The days of a month in their current versions, with the volume of their control totals: one row
-- a day and currency; one with an empty currency for a day without volume.
select
    closes.first_date as business_day,
    closes.close_version,
    closes.fence_lsn::text as fence_lsn,
    closes.replica_name,
    closes.closed_at,
    totals.currency,
    coalesce(totals.row_count, 0) as row_count,
    coalesce(totals.amount_minor, 0) as amount_minor
from reporting.closes
left join reporting.close_totals as totals
    on closes.close_id = totals.close_id and totals.measure = 'volume'
where
    closes.grain = 'day'
    and closes.is_current
    and closes.period_start >= %(month_start)s
    and closes.period_start < %(month_end)s
order by closes.first_date asc, totals.currency asc
