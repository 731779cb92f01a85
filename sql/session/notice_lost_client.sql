-- Makes the server detect a dead worker within 45 s and release its locks on periods; PostgreSQL's
-- default is two hours. For this session.
select
    set_config('tcp_keepalives_idle', '30', false) as idle_seconds,
    set_config('tcp_keepalives_interval', '5', false) as interval_seconds,
    set_config('tcp_keepalives_count', '3', false) as probe_count
