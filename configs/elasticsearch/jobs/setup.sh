# Gives Elasticsearch its roles, users, passwords, index template and retention. Every step may be repeated.
# Arguments: URL of the node, folder with curl's login and what is secret, folder with the rest, seconds to wait for the node.
# Bodies: roles/*.json, template.json and lifecycle.json; secret: passwords/*.json (built-in users) and users/*.json.
set -euo pipefail
url=$1 login=$2 bodies=$3 patience=$4
answer=$(mktemp)

fail() {
  echo "set-up of Elasticsearch: $1" >&2
  exit "$2"
}

# One request; leaves the status in $status. The password is in a file: arguments can be seen by everybody on the host.
request() {
  local method=$1 path=$2 code=0
  shift 2
  status=$(curl --silent --show-error --config "$login/curl.conf" --cacert "$login/ca.crt" --max-time 30 --output "$answer" \
    --write-out '%{http_code}' --request "$method" --header 'Content-Type: application/json' "$@" "$url$path" 2>"$answer.err") || code=$?
  case $code in
    0) return 0 ;;
    6) cause="cannot resolve the name in $url" ;;
    7) cause="cannot connect to $url: nothing listens there" ;;
    28) cause="$url does not answer in time" ;;
    35 | 51 | 58 | 60 | 77) cause="no trust in the certificate of $url: $(<"$answer.err")" ;;
    *) cause="curl ended with $code: $(<"$answer.err")" ;;
  esac
  status=000
  return 1
}

# Waits until the node takes the login and its security index works.
wait_for() {
  local path=$1 what=$2 until=$((SECONDS + patience))
  while :; do
    if request GET "$path"; then
      case $status in
        200) return 0 ;;
        # A node that has just started knows users before it knows roles; a wrong password stays wrong.
        401) cause="the node does not take the password of the set-up user (401)" ;;
        403) cause="the set-up user may not do it (403)" ;;
        *) cause="the node answers $status: $(head -c 500 "$answer")" ;;
      esac
    fi
    ((SECONDS < until)) || fail "$what: $cause, for $patience s" 3
    sleep 1
  done
}

# PUT or POST of one body, which must be taken.
apply() {
  local method=$1 path=$2 body=$3
  request "$method" "$path" --data-binary "@$body" || fail "$method $path: $cause" 4
  case $status in
    200 | 201) echo "$method $path: done" ;;
    401 | 403) fail "$method $path: the set-up user may not do it ($status)" 5 ;;
    *) fail "$method $path: the node answers $status: $(head -c 1000 "$answer")" 6 ;;
  esac
}

wait_for /_security/_authenticate "login"
wait_for "/_cluster/health?wait_for_status=yellow&timeout=20s" "health"

for file in "$bodies"/roles/*.json; do
  apply PUT "/_security/role/$(basename "$file" .json)" "$file"
done
for file in "$login"/passwords/*.json; do
  apply POST "/_security/user/$(basename "$file" .json)/_password" "$file"
done
for file in "$login"/users/*.json; do
  apply PUT "/_security/user/$(basename "$file" .json)" "$file"
done
apply PUT /_index_template/logs-sbc "$bodies/template.json"

# The template is for new streams only; those that are there keep their old retention otherwise.
request GET "/_data_stream/logs-sbc.*" || fail "GET /_data_stream: $cause" 4
[[ $status == 200 ]] || fail "GET /_data_stream: the node answers $status: $(head -c 1000 "$answer")" 6
if grep -q '"name":' "$answer"; then
  apply PUT "/_data_stream/logs-sbc.*/_lifecycle" "$bodies/lifecycle.json"
fi
echo "set-up of Elasticsearch: all done"
