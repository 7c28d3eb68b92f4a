#!/bin/bash
# Makes the cluster at its first start, brings user and databases up to date at every one, and becomes the server.
set -euo pipefail
export PATH=/usr/local/pgsql:$PATH PGDATA=/var/lib/postgresql/data

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  # What was half made is made anew.
  rm -rf "$PGDATA"
  initdb --username=postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums
fi
# As it will run, but for everybody who is not inside.
pg_ctl start --wait --silent --options "-c config_file=/etc/homer-db/postgresql.conf -c listen_addresses=''"
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --host /run/postgresql --username postgres --file /etc/homer-db/databases.sql postgres
pg_ctl stop --wait --silent --mode fast
exec postgres -c config_file=/etc/homer-db/postgresql.conf
