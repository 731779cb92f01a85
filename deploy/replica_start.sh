#!/usr/bin/env bash
# Starts a replica of the server that UPSTREAM names; without data it copies that server first.
set -euo pipefail
umask 077
export PGPASSFILE=/tmp/replicator.pgpass PGSSLMODE=verify-full PGSSLROOTCERT=/run/tls/ca.pem
install -m 0600 /run/tls/server.key /tmp/server.key
echo "*:*:*:replicator:$(cat /run/secrets/replicator)" > "$PGPASSFILE"
if [ ! -d "$PGDATA" ]; then
  rm -rf "$PGDATA.unfinished"
  pg_basebackup --pgdata="$PGDATA.unfinished" --write-recovery-conf --no-password \
    --wal-method=stream --checkpoint=fast --slot="$REPLICATION_SLOT" \
    --host="$UPSTREAM" --username=replicator
  mv "$PGDATA.unfinished" "$PGDATA"
fi
exec postgres -c hot_standby=on \
  -c "primary_conninfo=host=$UPSTREAM user=replicator passfile=$PGPASSFILE \
sslmode=$PGSSLMODE sslrootcert=$PGSSLROOTCERT" \
  -c ssl=on -c ssl_cert_file=/run/tls/server.pem -c ssl_key_file=/tmp/server.key \
  -c "primary_slot_name=$REPLICATION_SLOT" -c hot_standby_feedback=off -c timezone=UTC \
  -c max_standby_streaming_delay=10min \
  -c shared_preload_libraries=pg_stat_statements -c listen_addresses='*' \
  -c log_min_error_statement=panic -c log_error_verbosity=terse \
  -c "cluster_name=$REPLICATION_SLOT"
