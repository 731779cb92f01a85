-- The current closes that tie out against some changed closes: the day of an hour, the month of a
-- day, the month after a month. Closes that were written in the same transaction are left out. One
-- row a dependent close and grain of what changed. A month whose lines have left the store is not
-- compared with its days any more.
with changed as (
    select
        grain,
        period_start,
        period_end
    from reporting.closes
    where close_id = any(%(changed_ids)s::bigint[])
),

dependents as (
    select
        close_id,
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date
    from reporting.closes
    where
        is_current
        and grain in ('day', 'month')
        and close_id <> all(%(written_ids)s::bigint[])
        and not exists (
            select 1
            from reporting.line_archives as archives
            inner join reporting.removed_lines as removed
                on archives.archive_id = removed.archive_id
            where archives.close_id = closes.close_id
        )
)

select distinct
    dependents.close_id,
    dependents.grain,
    dependents.period_start,
    dependents.period_end,
    dependents.time_zone,
    dependents.first_date,
    dependents.last_date,
    changed.grain as changed_grain
from dependents
inner join changed
    on
        (
            (dependents.grain, changed.grain) in (('day', 'hour'), ('month', 'day'))
            and dependents.period_start <= changed.period_start
            and dependents.period_end >= changed.period_end
        )
        or (
            (dependents.grain, changed.grain) = ('month', 'month')
            and dependents.period_start = changed.period_end
        )
order by dependents.period_start asc
