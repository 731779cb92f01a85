#!/usr/bin/env bash
# Starts Redis with its password from a file: a command line would show it.
set -euo pipefail
umask 077
echo "requirepass $(cat /run/secrets/redis)" > /tmp/redis.conf
echo "appendonly yes" >> /tmp/redis.conf
echo "dir /data" >> /tmp/redis.conf
exec redis-server /tmp/redis.conf
