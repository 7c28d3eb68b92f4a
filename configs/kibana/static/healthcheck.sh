# Good means available: an open port says nothing, Kibana answers 503 until it has its indices.
set -eu
curl --silent --fail --max-time 4 --cacert /run/secrets/ca.crt --output /dev/null https://localhost:5601/api/status
