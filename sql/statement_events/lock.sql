-- Whether this transaction may publish events: one row. No other one may until it ends.
select
    pg_try_advisory_xact_lock(hashtextextended('closebook statement events to the broker', 0))
        as is_alone
