#!/usr/bin/env bash
# Makes the sample platform on the primary when its data directory is new: roles, database, slots.
set -e
psql --set=ON_ERROR_STOP=1 --quiet --username=postgres <<'SQL'
\set replicator `cat /run/secrets/replicator`
\set fence `cat /run/secrets/fence`
\set reader `cat /run/secrets/reader`
\i /opt/closebook/sql/platform/roles.sql
alter role closebook_fence password :'fence';
alter role closebook_reader password :'reader';
create role replicator login replication password :'replicator';
select pg_create_physical_replication_slot('replica_a', true);
select pg_create_physical_replication_slot('replica_b', true);
create database platform;
\connect platform
create extension pg_stat_statements;
\i /opt/closebook/sql/platform/sample_platform.sql
\i /opt/closebook/sql/platform/contract.sql
\i /opt/closebook/sql/platform/grants.sql
\i /opt/closebook/sql/platform/indexes.sql
SQL
# From elsewhere by TLS only.
sed --in-place 's/^host all all all/hostssl all all all/' "$PGDATA/pg_hba.conf"
echo "hostssl replication replicator samenet scram-sha-256" >> "$PGDATA/pg_hba.conf"
