-- What the reporting store is, and whether this role is stronger there than a close needs: one row.
select
    current_user::text as role_name,
    current_setting('server_version_num')::integer as version_number,
    current_setting('server_version') as version_text,
    current_setting('server_encoding') as database_encoding,
    pg_is_in_recovery() as in_recovery,
    exists(
        select 1
        from pg_catalog.pg_roles
        where pg_roles.rolname = current_user and pg_roles.rolsuper
    ) as has_every_right,
    exists(
        select 1
        from pg_catalog.pg_namespace
        where
            pg_namespace.nspname = 'reporting'
            and pg_has_role(pg_namespace.nspowner, 'member')
    ) as is_owner
