-- What a server of the platform is: one row. Amazon Aurora has a function of its name. Asked over
-- a pooler, backend_pid is that of the server's process and not of the pooler's.
select
    current_setting('server_version_num')::integer as version_number,
    current_setting('server_version') as version_text,
    current_setting('server_encoding') as database_encoding,
    exists(
        select 1
        from pg_catalog.pg_proc
        where pg_proc.proname = 'aurora_version'
    ) as is_aurora,
    pg_is_in_recovery() as in_recovery,
    pg_backend_pid() as backend_pid,
    clock_timestamp() as observed_at
