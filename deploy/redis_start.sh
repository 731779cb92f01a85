#!/usr/bin/env bash
# Starts Redis with the users of redis_users.acl, and their passwords from files: a command line
# would show them. The user `default` is the operator's: no container of Airflow has its password.
set -euo pipefail
umask 077
hashed() { printf '#%s' "$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)"; }
{
  echo "user default on $(hashed "$(cat /run/secrets/redis)") ~* &* +@all"
  grep '^user ' /etc/closebook/redis_users.acl | while read -r word user rules; do
    case $user in
      closebook_publisher) password=$(cat /run/secrets/redis_publisher) ;;
      closebook_app) password=$(cat /run/secrets/redis_app) ;;
    esac
    echo "$word $user on $(hashed "$password") $rules"
  done
} > /tmp/users.acl
cat > /tmp/redis.conf <<CONF
aclfile /tmp/users.acl
appendonly yes
dir /data
port 0
tls-port 6379
tls-cert-file /run/tls/server.pem
tls-key-file /run/tls/server.key
tls-ca-cert-file /run/tls/ca.pem
tls-auth-clients no
CONF
exec redis-server /tmp/redis.conf
