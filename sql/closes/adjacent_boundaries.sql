-- The boundaries that a day or a month has to meet: the starts and ends of the current closes of
-- days and months at its first or its last date, without its own close. One row a close and side,
-- those of its own grain first. is_same_date: the close begins on its first date, or ends on its
-- last; else it is the one before or after it.
with closes as (
    select
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date,
        tzdata_version
    from reporting.closes
    where
        is_current
        and grain in ('day', 'month')
        and not (grain = %(grain)s and first_date = %(first_date)s)
),

boundaries as (
    select
        'start' as side,
        period_start as instant,
        true as is_same_date,
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date,
        tzdata_version
    from closes
    where first_date = %(first_date)s

    union all

    select
        'start' as side,
        period_end as instant,
        false as is_same_date,
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date,
        tzdata_version
    from closes
    where last_date = %(date_before)s

    union all

    select
        'end' as side,
        period_end as instant,
        true as is_same_date,
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date,
        tzdata_version
    from closes
    where last_date = %(last_date)s

    union all

    select
        'end' as side,
        period_start as instant,
        false as is_same_date,
        grain,
        period_start,
        period_end,
        time_zone,
        first_date,
        last_date,
        tzdata_version
    from closes
    where first_date = %(date_after)s
)

select
    side,
    instant,
    is_same_date,
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date,
    tzdata_version
from boundaries
order by side desc, grain = %(grain)s desc, is_same_date asc
