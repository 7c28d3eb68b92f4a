#!/bin/bash
# Brings the database to the state that the stack describes. Steps, in the order given: schema, rows. Safe to run again.
set -euo pipefail

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/database.env"
: "${host:?}" "${port:?}" "${user:?}" "${database:?}"
# Kamailio's own files, of the version in this image. `standard` comes first: it makes the version table.
tables=/usr/share/kamailio/mysql
modules=(standard acc auth_db usrloc dispatcher permissions dialog htable uac rtpengine secfilter)

# The password is in a file: on the command line every process of the host could read it.
sql() {
  mariadb --defaults-file=/run/secrets/client.cnf --host="$host" --port="$port" --user="$user" \
    --batch --skip-column-names --connect-timeout=5 "$@"
}

fail() {
  printf 'database job: %s\n' "$*" >&2
  exit 1
}

# Every statement is made repeatable, so that a run that was cut short is simply run again.
schema() {
  local file name version have
  for file in "${modules[@]}"; do
    sed -E \
      -e 's/^CREATE TABLE /CREATE TABLE IF NOT EXISTS /' \
      -e 's/^CREATE (UNIQUE )?INDEX /CREATE \1INDEX IF NOT EXISTS /' \
      -e 's/^INSERT INTO version /INSERT IGNORE INTO version /' \
      "$tables/$file-create.sql"
  done | sql "$database" || fail "the tables of Kamailio could not be made"

  # Kamailio refuses to start on tables of another version: say it here, where it can be understood.
  while read -r name version; do
    have=$(sql "$database" -e "SELECT table_version FROM version WHERE table_name = '$name'")
    [[ $have == "$version" ]] || fail "table $name has version $have, this Kamailio needs $version: upgrade it with the SQL of" \
      "https://www.kamailio.org/w/documentation/ (Install and upgrade), then run the deployment again"
  done < <(for file in "${modules[@]}"; do
    sed -nE "s/^INSERT INTO version .*values \('([a-z_]+)','([0-9]+)'\);/\1 \2/p" "$tables/$file-create.sql"
  done)

  cat "$here/additions.sql" "$here/voicemail.sql" "$here/retention.sql" "$here/grants.sql" | sql "$database" ||
    fail "the tables of this stack could not be made"
  echo "schema: ready"
}

rows() {
  sql "$database" </run/secrets/rows.sql || fail "the rows could not be applied; nothing was changed"
  sql "$database" -e "
    SELECT CONCAT('rows: ', (SELECT COUNT(*) FROM subscriber), ' subscribers (', (SELECT COUNT(*) FROM subscriber WHERE owner = 'stack'),
      ' of the stack), ', (SELECT COUNT(*) FROM dispatcher), ' nodes, ', (SELECT COUNT(*) FROM address), ' addresses')"
}

deadline=$((SECONDS + 20))
until answer=$(sql -e 'SELECT 1' 2>&1) || ((SECONDS >= deadline)); do sleep 0.5; done
[[ $answer == 1 ]] || fail "no connection to $host:$port as $user: $answer"

for step in "$@"; do
  case $step in
  schema | rows) "$step" ;;
  *) fail "unknown step $step" ;;
  esac
done
