# Starts Kibana from the plain and the secret settings.
set -euo pipefail
export NODE_OPTIONS="--max-old-space-size=$(</etc/kibana/sbc/heap-mb)"
exec /usr/share/kibana/bin/kibana --config /etc/kibana/sbc/kibana.yml --config /run/secrets/kibana-secrets.yml
