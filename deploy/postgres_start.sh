#!/usr/bin/env bash
# Starts PostgreSQL with TLS. Its key must belong to its own user.
set -euo pipefail
install -m 0600 /run/tls/server.key /tmp/server.key
exec docker-entrypoint.sh "$@" \
  -c ssl=on -c ssl_cert_file=/run/tls/server.pem -c ssl_key_file=/tmp/server.key
