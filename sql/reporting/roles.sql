-- The roles of the reporting store, once for a cluster; passwords are set apart. It may be run
-- again. The owner migrates, the store writes the closes, the desk reads. Whoever runs it is a
-- superuser, or may create roles.

do $$
begin
    if to_regrole('closebook_owner') is null then
        create role closebook_owner login;
    end if;
    if to_regrole('closebook_store') is null then
        create role closebook_store login;
    end if;
    if to_regrole('closebook_desk') is null then
        create role closebook_desk login;
    end if;
    -- Only who may become a role may make a database that it owns. From PostgreSQL 16 on whoever
    -- made a role may grant it, and may not become it. A superuser may become every role.
    if not exists (select from pg_roles where rolname = current_user and rolsuper) then
        execute 'grant closebook_owner to ' || quote_ident(current_user);
    end if;
end;
$$;

-- Each process of the API server has at most 11 connections of the desk at once.
alter role closebook_desk connection limit 40;
-- What a person asks must not hold up a close: sql/session/limit_desk.sql has the same limits.
alter role closebook_desk set statement_timeout = '15s';
alter role closebook_desk set lock_timeout = '5s';
alter role closebook_desk set idle_in_transaction_session_timeout = '10s';
