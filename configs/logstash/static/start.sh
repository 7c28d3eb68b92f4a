# Starts Logstash with its settings in memory: they are to stand beside those of the image.
set -euo pipefail
settings=/run/logstash/settings
umask 077
mkdir -p "$settings"
cp -R /usr/share/logstash/config/. "$settings"
cp -f /etc/logstash/sbc/{logstash.yml,pipelines.yml,jvm.options} "$settings"
cat /etc/logstash/sbc/pipeline.conf /run/secrets/output.conf >/run/logstash/sbc.conf
exec /usr/share/logstash/bin/logstash --path.settings "$settings"
