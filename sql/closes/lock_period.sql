-- Waits until no other close of the period is being written; held to the transaction's end.
select
    pg_advisory_xact_lock(  -- guard: store.advisory-lock
        hashtextextended(
            concat_ws(
                ' ', 'closebook', %(grain)s::text, extract(epoch from %(period_start)s::timestamptz)
            ),
            0
        )
    )
