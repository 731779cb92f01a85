#!/usr/bin/env bash
# Starts Redis with its password from a file: a command line would show it.
set -euo pipefail
umask 077
echo "requirepass $(cat /run/secrets/redis)" > /tmp/redis.conf
echo "appendonly yes" >> /tmp/redis.conf
echo "dir /data" >> /tmp/redis.conf
cat >> /tmp/redis.conf <<CONF
port 0
tls-port 6379
tls-cert-file /run/tls/server.pem
tls-key-file /run/tls/server.key
tls-ca-cert-file /run/tls/ca.pem
tls-auth-clients no
CONF
exec redis-server /tmp/redis.conf
