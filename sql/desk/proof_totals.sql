-- The control totals of the versions of a period, from the second scan of each: one row a version,
-- measure and currency, newest version first.
with versions as (
    select
        close_id,
        close_version
    from reporting.closes
    where grain = %(grain)s and period_start = %(period_start)s
)

select
    versions.close_id,
    versions.close_version,
    totals.measure,
    totals.currency,
    totals.row_count,
    totals.amount_minor
from reporting.close_totals as totals
inner join versions on totals.close_id = versions.close_id
order by versions.close_version desc, totals.measure desc, totals.currency asc
