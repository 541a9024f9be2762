#!/bin/sh
# Stand-in for the official image's entry point, for scripts/local-images.mjs: POSTGRES_USER, POSTGRES_DB,
# POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE make the cluster on the first start.
set -eu
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  password=${POSTGRES_PASSWORD:-}
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(cat "$POSTGRES_PASSWORD_FILE"); fi
  if [ -z "$password" ]; then echo "POSTGRES_PASSWORD is missing" >&2; exit 1; fi
  fresh=$PGDATA.new
  rm -rf "$fresh" "$PGDATA"
  umask 077
  printf '%s' "$password" >/tmp/password
  initdb -D "$fresh" -U "$user" --pwfile=/tmp/password --encoding=UTF8 --no-locale --auth=scram-sha-256 --auth-local=trust
  rm /tmp/password
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \"$database\" OWNER \"$user\";" | postgres --single -D "$fresh" postgres
  fi
  echo 'host all all all scram-sha-256' >>"$fresh/pg_hba.conf"
  rm -rf "$PGDATA"
  ls "$fresh" >/dev/null
  busybox mv "$fresh" "$PGDATA"
fi

exec "$@" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp
