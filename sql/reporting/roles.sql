-- The roles of the reporting store, once for a cluster; passwords are set apart.
-- The owner migrates, the store writes the closes, the desk reads.

create role closebook_owner login;
create role closebook_store login;

-- Each process of the API server has at most 11 connections of the desk at once.
create role closebook_desk login connection limit 40;
-- What a person asks must not hold up a close: sql/session/limit_desk.sql has the same limits.
alter role closebook_desk set statement_timeout = '15s';
alter role closebook_desk set lock_timeout = '5s';
alter role closebook_desk set idle_in_transaction_session_timeout = '10s';
