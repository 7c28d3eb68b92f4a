# Good means: the node answers over TLS and knows its users. Without a password: 401 is the answer of a node that is up.
set -eu
code=$(curl --silent --max-time 4 --cacert /run/secrets/ca.crt --output /dev/null --write-out '%{http_code}' https://localhost:9200/)
[[ $code == 401 ]]
