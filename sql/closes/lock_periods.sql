-- Locks periods until the transaction ends, one after the other in the given order; waits while
-- another transaction has one of them locked.
select
    pg_advisory_xact_lock(  -- guard: store.advisory-lock
        hashtextextended(
            concat_ws(' ', 'closebook', grain, extract(epoch from period_start)), 0
        )
    )
from unnest(%(grains)s::text[], %(starts)s::timestamptz[]) as wanted (grain, period_start)
