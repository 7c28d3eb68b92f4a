# Starts Elasticsearch with a configuration folder in memory: the program adds a keystore to it, and reads certificates from nowhere else.
set -euo pipefail
export ES_PATH_CONF=/run/elasticsearch/config
umask 077
mkdir -p "$ES_PATH_CONF/certs" "$ES_PATH_CONF/jvm.options.d"
cp -R /usr/share/elasticsearch/config/. "$ES_PATH_CONF"
cp -f /etc/elasticsearch/sbc/elasticsearch.yml /etc/elasticsearch/sbc/users_roles "$ES_PATH_CONF"
cp -f /etc/elasticsearch/sbc/sbc.options "$ES_PATH_CONF/jvm.options.d"
cp -f /run/secrets/users "$ES_PATH_CONF"
cp -f /run/secrets/{ca.crt,tls.crt,tls.key} "$ES_PATH_CONF/certs"
chmod -R u+w "$ES_PATH_CONF"
exec /usr/share/elasticsearch/bin/elasticsearch
