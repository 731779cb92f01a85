#!/usr/bin/env bash
# Starts PgBouncer before one replica, which REPLICA names.
set -euo pipefail
umask 077
# PgBouncer gets the password and not its SCRAM verifier, which only a superuser of the primary can
# read (docs/settings.md, Pools).
echo "\"closebook_reader\" \"$(cat /run/secrets/reader)\"" > /tmp/users.txt
cat > /tmp/pgbouncer.ini <<INI
[databases]
platform = host=$REPLICA port=5432
[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
client_tls_sslmode = require
client_tls_cert_file = /run/tls/server.pem
client_tls_key_file = /run/tls/server.key
server_tls_sslmode = verify-full
server_tls_ca_file = /run/tls/ca.pem
auth_file = /tmp/users.txt
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
server_connect_timeout = 5
server_login_retry = 1
query_wait_timeout = 30
log_connections = 0
log_disconnections = 0
INI
exec pgbouncer /tmp/pgbouncer.ini
