-- Limits how long the desk may block others: how long a statement runs, how long it waits for a
-- lock, and how long a transaction pauses. For this session. sql/reporting/roles.sql has the same
-- limits.
select
    set_config('statement_timeout', '15s', false) as longest_statement,
    set_config('lock_timeout', '5s', false) as longest_wait_for_lock,
    set_config('idle_in_transaction_session_timeout', '10s', false) as longest_pause
