import type { FileMap } from "../files.ts";
import { renderTlsFiles, type TlsFiles } from "../elasticsearch/index.ts";
import { beatsPort } from "../logstash/index.ts";

/** UDP port that Docker's log driver sends lines to. */
export const syslogPort = 5514;
/** TCP port of its statistics, which can be read and nothing else: for the health check and the probe. */
export const filebeatHttpPort = 5066;

/** How the container has to be run: the upstream image with its own user; no socket of Docker, no file of the host. */
export const filebeatRuntime = {
  uid: 1000,
  gid: 1000,
  command: ["filebeat", "-e", "-c", "/etc/filebeat/sbc/filebeat.yml"],
  mounts: { config: "/etc/filebeat/sbc", secrets: "/run/secrets" },
  /** Its id; it has no position in a file to remember. */
  tmpfs: {
    "/usr/share/filebeat/data": "uid=1000,gid=1000,mode=0750,size=16m",
    "/usr/share/filebeat/logs": "uid=1000,gid=1000,mode=0750,size=16m",
  },
  healthcheck: ["CMD", "bash", "/etc/filebeat/sbc/healthcheck.sh"],
  memoryMb: 256,
  graceSeconds: 10,
  startSeconds: 60,
} as const;

/** The plain files, for `/etc/filebeat/sbc`. */
export function renderFilebeatConfig(): FileMap {
  return {
    "healthcheck.sh": `# Good means: it runs and has read its configuration. Whether Logstash takes lines is Logstash's health.
set -eu
exec 3<>/dev/tcp/127.0.0.1/${filebeatHttpPort}
printf 'GET /stats HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3
read -r _ code _ <&3
[[ $code == 200 ]]
`,
    "filebeat.yml": `# Rendered. Takes what Docker's log driver sends, one datagram a line, and hands it to Logstash.
filebeat.inputs:
  - type: udp
    id: docker
    host: "0.0.0.0:${syslogPort}"
    # The driver cuts lines at 16 KiB; the header comes on top.
    max_message_size: 64KiB
    read_buffer: 4MiB
    processors:
      - syslog:
          field: message
          format: rfc5424
          # What is no syslog message is passed on as it is: better a strange line than none.
          ignore_failure: true
          ignore_missing: true

# While Logstash is away lines wait here; then they are dropped, and are in docker logs only.
queue.mem:
  events: 8192

output.logstash:
  hosts: ["logstash:${beatsPort}"]
  ssl.certificate_authorities: [/run/secrets/ca.crt]
  ssl.certificate: /run/secrets/tls.crt
  ssl.key: /run/secrets/tls.key
  ssl.supported_protocols: [TLSv1.2, TLSv1.3]
  ssl.verification_mode: full

http.enabled: true
http.host: 0.0.0.0
http.port: ${filebeatHttpPort}

logging.level: warning
logging.metrics.enabled: false
`,
  };
}

/** The secret files, for `/run/secrets`. */
export function renderFilebeatSecrets(tls: TlsFiles): FileMap {
  return renderTlsFiles(tls);
}
