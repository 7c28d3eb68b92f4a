#!/bin/bash
# Prints the SQL that makes the database and its users, with the passwords in /run/secrets. Safe to run again.
set -euo pipefail

user() { # name
  local password
  password=$(<"/run/secrets/$1_password")
  printf "CREATE USER IF NOT EXISTS '%s'@'%%';\nALTER USER '%s'@'%%' IDENTIFIED BY '%s';\n" "$1" "$1" "$password"
}

echo "CREATE DATABASE IF NOT EXISTS kamailio CHARACTER SET utf8mb4;"
for name in schema kamailio asterisk report; do user "$name"; done
# Where nothing watches the stack there is no such user. It sees statistics, which need no right, and no table.
if [[ -e /run/secrets/exporter_password ]]; then
  user exporter
  echo "ALTER USER 'exporter'@'%' WITH MAX_USER_CONNECTIONS 3;"
else
  echo "DROP USER IF EXISTS 'exporter'@'%';"
fi
# Owner of all tables; what the others may do is granted by the job that makes the tables.
echo "GRANT ALL PRIVILEGES ON kamailio.* TO 'schema'@'%' WITH GRANT OPTION;"
