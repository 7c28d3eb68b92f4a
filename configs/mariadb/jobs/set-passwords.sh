#!/bin/bash
# Makes the running server take the passwords that are in /run/secrets now. Runs in a container of its own that shares the server's
# socket and user: so it is the administrator, whose rights need no password that could be rotated away. Sessions stay open.
set -euo pipefail

sql() {
  mariadb --no-defaults --socket=/run/mysqld/mysqld.sock --batch --skip-column-names "$@"
}

# The server may be starting again, with the passwords that were there before.
deadline=$((SECONDS + 60))
until answer=$(sql -e 'SELECT 1' 2>&1) || ((SECONDS >= deadline)); do sleep 0.5; done
if [[ $answer != 1 ]]; then
  echo "set-passwords: no connection to the server: $answer" >&2
  exit 1
fi
bash "$(dirname "$0")/users.sh" | sql
echo "passwords: set"
