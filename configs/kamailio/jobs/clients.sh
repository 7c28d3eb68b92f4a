#!/bin/bash
# Fills the volume that Kamailio's mutual TLS port reads: the device CA, and its list of revoked certificates, which no provider of Pulumi makes.
# Arguments: the volume. The list has no earlier end than the CA: it is made anew when a device is revoked, and nobody else hands out another.
set -euo pipefail
volume=$1
secrets=/run/secrets
work=$(mktemp -d)

: >"$work/index.txt"
printf '[ca]\ndefault_ca = devices\n[devices]\ndatabase = %s/index.txt\ndefault_md = sha256\n' "$work" >"$work/ca.cnf"
authority() {
  local log
  log=$(openssl ca -config "$work/ca.cnf" -keyfile "$secrets/ca.key" -cert "$secrets/ca.pem" "$@" 2>&1) || {
    printf 'clients job: %s\n' "$log" >&2
    exit 1
  }
}

revoked=0
for certificate in "$secrets"/revoked-*.pem; do
  [[ -e $certificate ]] || continue
  authority -revoke "$certificate"
  revoked=$((revoked + 1))
done
authority -gencrl -crldays 3660 -out "$work/crl.pem"

# Each file appears at once and whole: Kamailio may be reading. Both are public.
for file in "$secrets/ca.pem" "$work/crl.pem"; do
  install -m 0444 "$file" "$volume/${file##*/}.new"
  mv -f "$volume/${file##*/}.new" "$volume/${file##*/}"
done
rm -r "$work"
echo "device CA and a list of $revoked revoked certificates"
