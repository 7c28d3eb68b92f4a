#!/bin/bash
# Healthy when it takes connections from outside: while it prepares itself it listens to nobody there.
address=$(sed -n "s/^listen_addresses = '\(.*\)'/\1/p" /etc/homer-db/postgresql.conf)
exec /usr/local/pgsql/pg_isready --quiet --host "$address" --dbname homer_data
