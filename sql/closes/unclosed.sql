-- Those of the given instants that lie in no closed period of the grain: one row an instant. None
-- before the grain's first close, since nobody waits for a close that never ran.
select instants.period_start
from unnest(%(period_starts)s::timestamptz[]) as instants (period_start)
where
    exists (
        select 1
        from reporting.closes as earlier
        where earlier.grain = %(grain)s and earlier.period_end <= instants.period_start
    )
    and not exists (
        select 1
        from reporting.closes
        where
            closes.grain = %(grain)s
            and closes.is_current
            and closes.period_start <= instants.period_start
            and closes.period_end > instants.period_start
    )
order by instants.period_start
