-- Where track_activities is off on the primary: one row a place. Such a session hides its
-- transactions, and each close waits for it. A setting of a role or a database counts from its next
-- log-in on; a session that has it off shows the state disabled.
with settings as (
    select
        pg_roles.rolname as role_name,
        pg_database.datname as database_name,
        unnest(pg_db_role_setting.setconfig) as setting
    from pg_catalog.pg_db_role_setting
    left join pg_catalog.pg_roles on pg_db_role_setting.setrole = pg_roles.oid
    left join pg_catalog.pg_database on pg_db_role_setting.setdatabase = pg_database.oid
),

sessions as (
    select
        pid,
        usename as role_name,
        application_name
    from pg_catalog.pg_stat_activity
    where
        datname = current_database()
        and state = 'disabled'
        and pid <> pg_backend_pid()
),

places as (
    select
        'all' as place,
        'alter system set track_activities = on; select pg_reload_conf();' as mend
    from pg_catalog.pg_settings
    where
        name = 'track_activities'
        and setting = 'off'
        -- Else it is off for this role or database, which the settings below tell.
        and source not in ('database', 'user', 'database user', 'client', 'session')
    union all
    select
        concat_ws(
            ' in ', 'role ' || settings.role_name, 'database ' || settings.database_name
        ) as place,
        case
            when settings.role_name is null
                then
                    'alter database ' || quote_ident(settings.database_name)
                    || ' reset track_activities;'
            when settings.database_name is null
                then 'alter role ' || quote_ident(settings.role_name) || ' reset track_activities;'
            else
                'alter role ' || quote_ident(settings.role_name) || ' in database '
                || quote_ident(settings.database_name) || ' reset track_activities;'
        end as mend
    from settings
    where
        settings.setting ~ '^track_activities=(off|of|false|f|no|n|0)$'
        and coalesce(settings.database_name, current_database()) = current_database()
    union all
    select
        'session ' || sessions.pid || ' of role ' || sessions.role_name || ', application '
        || quote_literal(sessions.application_name) as place,
        'select pg_terminate_backend(' || sessions.pid || ');' as mend
    from sessions
)

select
    place,
    mend
from places
order by place
