#!/bin/bash
# A query as the least of the users: `mariadb-admin ping` says yes even when the init file failed and nobody can log in.
set -euo pipefail
MYSQL_PWD=$(</run/secrets/report_password)
export MYSQL_PWD
[[ $(mariadb --no-defaults --socket=/run/mysqld/mysqld.sock --user=report --batch --skip-column-names -e 'SELECT 1') == 1 ]]
