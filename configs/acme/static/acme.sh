#!/bin/bash
# Obtains the edge's certificate from an ACME CA (RFC 8555), renews it in time, and makes Kamailio use the new one by a reload.
# SIGHUP looks for a renewal at once. With the argument `health` it is the health check.
set -uo pipefail

here=$(dirname "$0")
dns_provider="" dns_resolvers=()
# shellcheck source=/dev/null
. "$here/acme.env"
# shellcheck source=/dev/null
. "$here/reload.env"
: "${names[0]:?}" "${email:?}" "${directory:?}" "${challenge:?}" "${http_port:?}" "${min_days:?}" "${check_seconds:?}" "${host:?}" "${port:?}"

state=/var/lib/acme
target=/run/tls
run=/run/acme
# Kamailio has not confirmed yet that it uses the certificate.
pending=$run/reload-pending
# What the CA said last, when it was no certificate.
problem=$run/problem
certificate=$state/client/certificates/${names[0]}.crt
key=$state/client/certificates/${names[0]}.key
issuer=$state/client/certificates/${names[0]}.issuer.crt

# What a certificate is asked for with; a change asks for a new one.
wanted() { printf '%s\n' "$directory" "${names[@]}"; }

kamailio_answers() { timeout 2 bash -c ": < /dev/tcp/$host/$port" 2>/dev/null; }

log() { printf 'acme: %s\n' "$*"; }

client() { # command of lego, with its flags
  local arguments=(--path "$state/client" --server "$directory" --email "$email" --accept-tos --key-type ec256) name
  for name in "${names[@]}"; do arguments+=(--domains "$name"); done
  if [[ $challenge == http-01 ]]; then
    arguments+=(--http --http.port ":$http_port")
  else
    arguments+=(--dns "$dns_provider")
    for name in "${dns_resolvers[@]}"; do arguments+=(--dns.resolvers "$name"); done
  fi
  # Every provider reads NAME from the file that NAME_FILE names.
  for name in /run/secrets/[A-Z]*; do
    [[ ! -e $name ]] || export "$(basename "$name")_FILE=$name"
  done
  [[ ! -e $here/directory-ca.pem ]] || export LEGO_CA_CERTIFICATES=$here/directory-ca.pem
  # In the background, for bash runs a trap only after a program in the foreground has ended.
  { lego "${arguments[@]}" "$@" 2>&1; echo $? > "$run/code"; } | tee "$run/client.log" &
  # A signal ends the waiting, not the client.
  while kill -0 $! 2>/dev/null; do wait $!; done
  return "$(<"$run/code")"
}

obtain() {
  if [[ -s $certificate && -e $state/wanted && $(wanted) == "$(<"$state/wanted")" ]]; then
    # A third of its life before the end, or when the CA says so (RFC 9773).
    client renew --dynamic --no-random-sleep
  else
    client run && wanted > "$state/wanted"
  fi
}

# Puts the certificate where Kamailio reads it.
deploy() {
  [[ -s $certificate ]] || return 0
  if cmp -s "$certificate" "$target/server.pem" && cmp -s "$key" "$target/server.key"; then return 0; fi
  log "new certificate: $(openssl x509 -in "$certificate" -noout -serial -enddate | paste -sd ' ')"
  install -m 0440 "$issuer" "$target/ca.pem.new" && mv -f "$target/ca.pem.new" "$target/ca.pem"
  install -m 0440 "$key" "$target/server.key.new" && install -m 0440 "$certificate" "$target/server.pem.new" &&
    mv -f "$target/server.key.new" "$target/server.key" && mv -f "$target/server.pem.new" "$target/server.pem"
  touch "$pending"
}

# Kamailio that is not up yet reads the certificate when it starts.
reload() {
  if [[ -e $pending ]] && kamailio_answers && bash "$here/reload.sh"; then rm -f "$pending"; fi
}

unhealthy() {
  local said=""
  [[ ! -s $problem ]] || said="; the CA's last answer: $(<"$problem")"
  printf '%s%s\n' "$1" "$said"
  exit 1
}

# Healthy: Kamailio has a certificate for the wanted names that is good for some days more. What is wrong is printed.
health() {
  [[ -s $target/server.pem ]] || unhealthy "no certificate yet"
  [[ -e $state/wanted && $(wanted) == "$(<"$state/wanted")" ]] || unhealthy "the certificate is for other names or from another CA"
  cmp -s "$certificate" "$target/server.pem" || unhealthy "the new certificate is not with Kamailio yet"
  openssl x509 -in "$target/server.pem" -noout -checkend $((min_days * 86400)) > /dev/null ||
    unhealthy "less than $min_days days left: $(openssl x509 -in "$target/server.pem" -noout -enddate)"
  if [[ -n $(find "$pending" -mmin +15 2>/dev/null) ]] && kamailio_answers; then
    unhealthy "Kamailio does not take the new certificate"
  fi
  echo healthy
}

if [[ ${1:-} == health ]]; then
  health
  exit
fi

# Kamailio reads the folder by its group, and nobody else.
umask 0027
# The private files of the ACME client are nobody's but its own.
mkdir -p "$state/client" && chmod 0700 "$state/client"
# The kernel ends what is still running with the container's first process.
trap 'exit 0' TERM INT
due=0
trap 'due=0' HUP
# Whatever happened before: after a start both must have the same.
touch "$pending"
failures=0
log "certificate for ${names[*]} from $directory by $challenge"
while true; do
  deploy
  reload
  if ((EPOCHSECONDS >= due)); then
    due=$((EPOCHSECONDS + check_seconds))
    if obtain; then
      failures=0
      rm -f "$problem"
    else
      grep -iE 'error|could not|unable' "$run/client.log" | tail -n 1 | sed -E 's/^[0-9/]+ [0-9:]+ //' | cut -c 1-400 > "$problem"
      # CAs count failures: five an hour are allowed by most.
      failures=$((failures + 1))
      pause=$((120 * 2 ** (failures > 5 ? 5 : failures - 1)))
      due=$((EPOCHSECONDS + pause))
      log "failed $failures times; next try in $pause seconds"
    fi
    continue
  fi
  pause=$((due - EPOCHSECONDS))
  if [[ -e $pending ]] && ((pause > 5)); then pause=5; fi
  sleep "$pause" &
  wait $!
  kill $! 2>/dev/null
done
