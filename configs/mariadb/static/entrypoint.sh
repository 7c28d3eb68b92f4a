#!/bin/bash
# Starts MariaDB with no root password anywhere: the only administrator is the container's own user over the socket
# (`docker exec … mariadb`). Users are made, and their passwords set, on every start from /run/secrets.
set -euo pipefail
umask 077
# The root file system is read-only; the server takes the same place for temporary files (my.cnf).
export TMPDIR=/run/mysqld

data=/var/lib/mysql
here=$(dirname "$0")

# The mark is there only while the directory is being made: what a cut-short first start left behind is made again.
making=$data/.making
if [[ ! -d $data/mysql || -e $making ]]; then
  echo "mariadb: making an empty database in $data"
  [[ ! -e $making ]] || find "$data" -mindepth 1 ! -path "$making" -delete
  touch "$making"
  mariadb-install-db --no-defaults --datadir="$data" --skip-test-db \
    --auth-root-authentication-method=socket --auth-root-socket-user=mysql >/run/mysqld/install.log 2>&1 ||
    { cat /run/mysqld/install.log >&2 && exit 1; }
  rm "$making"
fi

bash "$here/users.sh" >/run/mysqld/init.sql

exec mariadbd --defaults-file="$here/my.cnf" --init-file=/run/mysqld/init.sql
