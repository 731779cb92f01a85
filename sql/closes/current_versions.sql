-- The current closes of some periods, given by grain and start: one row for each that is closed.
with wanted as (
    select
        periods.grain,
        periods.period_start
    from
        unnest(%(grains)s::text[], %(starts)s::timestamptz[])
            as periods (grain, period_start)
)

select
    closes.grain,
    closes.period_start,
    closes.close_id,
    closes.close_version,
    closes.period_end
from reporting.closes
inner join wanted
    on closes.grain = wanted.grain and closes.period_start = wanted.period_start
where closes.is_current
