#!/usr/bin/env bash
# Makes the roles and databases of the store's server when its data directory is new.
set -e
psql --set=ON_ERROR_STOP=1 --quiet --username=postgres <<'SQL'
\set owner `cat /run/secrets/owner`
\set store `cat /run/secrets/store`
\set desk `cat /run/secrets/desk`
\set airflow `cat /run/secrets/airflow_database`
\set results `cat /run/secrets/results`
\i /opt/closebook/sql/reporting/roles.sql
alter role closebook_owner password :'owner';
alter role closebook_store password :'store';
alter role closebook_desk password :'desk';
create role airflow login password :'airflow';
create role celery login password :'results';
create database closebook owner closebook_owner;
create database airflow owner airflow;
create database celery owner celery;
SQL
# From elsewhere by TLS only.
sed --in-place 's/^host all all all/hostssl all all all/' "$PGDATA/pg_hba.conf"
