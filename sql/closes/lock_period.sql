-- Locks a period until the transaction ends; waits while another transaction has it locked.
select
    pg_advisory_xact_lock(  -- guard: store.advisory-lock
        hashtextextended(
            concat_ws(
                ' ', 'closebook', %(grain)s::text, extract(epoch from %(period_start)s::timestamptz)
            ),
            0
        )
    )
