-- Lets the server notice within 45 s that a worker died without a word, and let go of its locks on
-- periods; by its defaults that takes two hours. Holds for the session.
select
    set_config('tcp_keepalives_idle', '30', false) as idle_seconds,
    set_config('tcp_keepalives_interval', '5', false) as interval_seconds,
    set_config('tcp_keepalives_count', '3', false) as probe_count
