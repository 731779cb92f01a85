-- How many rows came late for closed periods, as enclosing closes found them: one row a grain of
-- the shorter period and measure, also where none came late.
with possible (grain, measure) as (
    values
    ('day', 'ledger'),
    ('day', 'volume'),
    ('hour', 'volume')
)

select
    possible.grain,
    possible.measure,
    coalesce(sum(late_rows.late_row_count), 0)::bigint as late_row_count
from possible
left join reporting.late_rows
    on possible.grain = late_rows.grain and possible.measure = late_rows.measure
group by possible.grain, possible.measure
order by possible.grain, possible.measure
