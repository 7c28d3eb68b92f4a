#!/bin/bash
# Runs nginx as the container's first process, and beside it a watch that makes a new certificate live: nginx reads certificates when it
# starts or is told to, and nobody outside may send it a signal. Password files it reads at every request by itself.
set -euo pipefail

watched=${WATCHED_FOLDER:-/etc/nginx/tls}

state() {
  # Content, not times: a volume that is filled again with the same files is no change.
  find "$watched" -type f -exec sha256sum {} + 2> /dev/null | sort
}

watch_certificates() {
  local known new
  known=$(state)
  while sleep 5; do
    new=$(state)
    [[ $new == "$known" ]] && continue
    # Half-written files do not pass; the next round tries again.
    if nginx -t -q -c /etc/nginx/conf/nginx.conf; then
      known=$new
      kill -HUP 1
    fi
  done
}

if [[ -d $watched ]]; then watch_certificates & fi
exec nginx -c /etc/nginx/conf/nginx.conf -g 'daemon off;'
