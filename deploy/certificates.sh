#!/usr/bin/env bash
# Makes the certificates of the servers: one authority, and for each server a key with a certificate
# for the server's name. The authority's key is thrown away: nobody can make another certificate.
# Each server finds its own folder in a volume of its own; clients get the authority alone. What is
# there and valid for 30 days more is kept. Else all are made again: then start all servers again.
set -euo pipefail
cd /var/lib/closebook/certificates
servers="primary replica-a replica-b pgbouncer-a pgbouncer-b store redis rabbitmq"
are_valid() {
  for server in $servers; do
    openssl verify -CAfile authority/ca.pem "$server/server.pem" > /dev/null 2>&1 || return 1
    openssl x509 -noout -checkend 2592000 -in "$server/server.pem" > /dev/null || return 1
  done
}
if are_valid; then
  echo "the certificates are valid"
  exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086  # several words
openssl req -x509 $curve -days 800 -subj "/CN=Closebook $(date -u +%F)" \
  -keyout "$scratch/ca.key" -out "$scratch/ca.pem" \
  -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign" 2> /dev/null
for server in $servers; do
  # shellcheck disable=SC2086
  openssl req $curve -subj "/CN=$server" -keyout "$scratch/server.key" -out "$scratch/server.csr" 2> /dev/null
  printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$server" \
    > "$scratch/extensions"
  openssl x509 -req -days 800 -in "$scratch/server.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" \
    -CAcreateserial -extfile "$scratch/extensions" -out "$scratch/server.pem" 2> /dev/null
  # The server's user has another number in its image. Nobody else has this volume.
  install -m 0644 "$scratch/ca.pem" "$scratch/server.pem" "$scratch/server.key" "$server/"
done
install -m 0644 "$scratch/ca.pem" authority/
echo "certificates made for $servers"
