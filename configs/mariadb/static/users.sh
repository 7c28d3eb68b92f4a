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
# Owner of all tables; what the others may do is granted by the job that makes the tables.
echo "GRANT ALL PRIVILEGES ON kamailio.* TO 'schema'@'%' WITH GRANT OPTION;"
