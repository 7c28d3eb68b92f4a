# Puts the data views, searches and dashboards into Kibana: the same ids each time, so it may be repeated.
# Arguments: URL of Kibana, folder with curl's login, file with the objects, seconds to wait for Kibana.
set -euo pipefail
url=$1 login=$2 objects=$3 patience=$4
answer=$(mktemp)

fail() {
  echo "import into Kibana: $1" >&2
  exit "$2"
}

until=$((SECONDS + patience))
while :; do
  code=0
  status=$(curl --silent --show-error --config "$login/curl.conf" --cacert "$login/ca.crt" --max-time 60 --output "$answer" \
    --write-out '%{http_code}' --header 'kbn-xsrf: true' --form "file=@$objects;type=application/ndjson" \
    "$url/api/saved_objects/_import?overwrite=true" 2>"$answer.err") || code=$?
  case "$code $status" in
    "0 200")
      # 200 is also the answer when single objects were refused.
      grep -q '"success":true' "$answer" || fail "objects were refused: $(head -c 1000 "$answer")" 6
      echo "import into Kibana: $(wc -l <"$objects") objects"
      exit 0
      ;;
    "0 401" | "0 403") fail "Kibana does not take the login of the set-up user ($status)" 5 ;;
    # Not ready yet.
    "0 503" | "0 502") cause="Kibana is not ready ($status)" ;;
    "0 "*) fail "Kibana answers $status: $(head -c 1000 "$answer")" 6 ;;
    "6 "*) cause="cannot resolve the name in $url" ;;
    "7 "*) cause="cannot connect to $url: nothing listens there" ;;
    "28 "*) cause="$url does not answer in time" ;;
    *) cause="curl ended with $code: $(<"$answer.err")" ;;
  esac
  ((SECONDS < until)) || fail "$cause, for $patience s" 3
  sleep 1
done
