#!/bin/bash
# Makes changed rows or certificates live in Kamailio, by JSON-RPC on its ops listener. Nothing restarts.
set -euo pipefail

here=$(dirname "$0")
relays=()
# shellcheck source=/dev/null
. "$here/reload.env"
: "${host:?}" "${port:?}" "${reload[0]:?}"
token=$(</run/secrets/ops_token)

fail() {
  printf 'reload job: %s\n' "$*" >&2
  exit 1
}

rpc() { # method params → prints the body of the answer
  # The edge's allow-list knows exactly this order of keys, without blanks.
  local body="{\"jsonrpc\":\"2.0\",\"method\":\"$1\",\"params\":$2,\"id\":1}" connection
  exec {connection}<>"/dev/tcp/$host/$port" || return 1
  printf 'POST /RPC HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$host" "$token" "${#body}" "$body" >&"$connection"
  timeout 10 cat <&"$connection"
  exec {connection}>&-
}

call() { # method params
  local answer="" attempt
  for attempt in {1..30}; do
    answer=$(rpc "$1" "$2" 2>&1) || true
    case $answer in
    *'"result"'*)
      echo "$1: done"
      return
      ;;
    # Two reloads within a second, or Kamailio is just starting.
    *"ngoing reload"* | *"reload interval"* | *"Failed to shift records"* | *"Connection refused"* | *"No route to host"* | "") sleep 0.5 ;;
    *) break ;;
    esac
  done
  fail "$1 failed after $attempt attempts: ${answer:-no answer from $host:$port}"
}

# Kamailio takes 10 s between two loads of its media relays, its start included: ask first whether there is anything to do.
relays() {
  local known
  known=$(rpc rtpengine.show '["all"]' 2>&1 | sed 's/},{/}\n{/g' |
    sed -nE 's/.*"url":"([^"]+)".*"disabled":(true|false).*/\1=\2/p' | sort | xargs) || true
  if [[ $known == "$(printf '%s\n' "${relays[@]}" | sort | xargs)" ]]; then
    echo "rtpengine: nothing to do"
  else
    call rtpengine.reload '[]'
  fi
}

for what in "${reload[@]}"; do
  case $what in
  # What is known of a host before it is asked.
  dispatcher) call htable.reload '["tlshost"]' && call dispatcher.reload '[]' ;;
  rtpengine) relays ;;
  subscribers) call htable.reload '["ha1"]' && call htable.reload '["class"]' ;;
  identities) call htable.reload '["sigkeys"]' && call htable.reload '["devices"]' ;;
  policy) call htable.reload '["policy"]' ;;
  # Credentials before what needs them; the prefixes, by which calls find a trunk, last.
  trunks)
    for table in trunkauth trunknumber trunk; do call htable.reload "[\"$table\"]"; done
    call uac.reg_reload '[]'
    call mtree.reload '["trunks"]'
    ;;
  userAgents) call secfilter.reload '[]' ;;
  addresses) call permissions.addressReload '[]' ;;
  certificates) call tls.reload '[]' ;;
  *) fail "cannot reload $what" ;;
  esac
done
