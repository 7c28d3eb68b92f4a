#!/bin/bash
# Makes a changed database password live in every node, over its control socket. New connections take it; calls go on.
set -euo pipefail

config=$(mktemp)
for node in /run/nodes/*; do
  # The remote console looks for the socket where a configuration file says the node has it.
  printf '[directories]\nastrundir => %s\n' "$node" >"$config"
  # The console's own exit code says nothing.
  answer=$(asterisk -C "$config" -rx 'module reload res_odbc.so' 2>&1)
  if [[ $answer != *"reloaded successfully"* ]]; then
    printf 'reload job: %s: %s\n' "${node##*/}" "$answer" >&2
    exit 1
  fi
  echo "${node##*/}: reloaded"
done
rm "$config"
