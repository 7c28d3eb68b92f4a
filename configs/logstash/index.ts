import { readFolder, type FileMap } from "../files.ts";
import { checkPasswords, elasticsearchUrl, renderTlsFiles, type TlsFiles } from "../elasticsearch/index.ts";
import { users } from "../elasticsearch/objects.ts";
import { renderPipeline } from "./pipeline.ts";

/** What Logstash's configuration depends on. A change of any value replaces the container; what waits in the queue stays in its volume. */
export interface LogstashConfigArgs {
  /** Java heap in MiB; the container gets twice as much. Default 512. */
  heapMb?: number;
  /** Most that waits on disk while Elasticsearch is away, in MiB; then Filebeat has to wait, and drops. Default 512. */
  queueMb?: number;
}

/** What must not be in a plain file. */
export interface LogstashSecrets {
  tls: TlsFiles;
  /** Password of the user that writes logs. */
  password: string;
}

/** The values of the optional arguments. */
export const logstashDefaults = { heapMb: 512, queueMb: 512, deadLetterMb: 128 } as const;

/** TCP port for Filebeat. */
export const beatsPort = 5044;

/** How the container has to be run: the upstream image with its own user. */
export function logstashRuntime({ heapMb = logstashDefaults.heapMb }: { heapMb?: number } = {}) {
  return {
    uid: 1000,
    gid: 1000,
    command: ["bash", "/etc/logstash/sbc/start.sh"],
    mounts: { config: "/etc/logstash/sbc", secrets: "/run/secrets", data: "/usr/share/logstash/data" },
    /** Settings beside the image's own, and unpacked libraries, which must be allowed to run. */
    tmpfs: {
      "/run/logstash": "uid=1000,gid=1000,mode=0700,size=16m",
      "/tmp": "uid=1000,gid=1000,mode=0700,size=256m,exec",
    },
    healthcheck: ["CMD", "bash", "/etc/logstash/sbc/healthcheck.sh"],
    memoryMb: 2 * heapMb,
    /** It writes what it has taken to disk first. */
    graceSeconds: 30,
    startSeconds: 300,
  } as const;
}

const staticFiles = readFolder(new URL("static/", import.meta.url));

/** The plain files, for `/etc/logstash/sbc`. */
export function renderLogstashConfig(args: LogstashConfigArgs = {}): FileMap {
  const { heapMb, queueMb, deadLetterMb } = { ...logstashDefaults, ...args };
  return {
    ...staticFiles,
    "logstash.yml": `# Rendered.
node.name: logstash
# The health check alone asks it: the API can change settings and has no password.
api.http.host: 127.0.0.1
api.http.port: 9600
log.level: info
log.format: json
path.data: /usr/share/logstash/data
# stderr is the log; the file appenders of the image stay unused.
path.logs: /run/logstash
config.reload.automatic: false
`,
    "pipelines.yml": `# Rendered. start.sh puts the file together: its last part has a password.
- pipeline.id: sbc
  path.config: /run/logstash/sbc.conf
  pipeline.workers: 2
  pipeline.ecs_compatibility: v8
  # What Filebeat was told is taken survives a restart; a queue that is full holds Filebeat up instead of growing.
  queue.type: persisted
  queue.max_bytes: ${queueMb}mb
  # What Elasticsearch refuses is kept aside instead of stopping everything behind it; the oldest goes first.
  dead_letter_queue.enable: true
  dead_letter_queue.max_bytes: ${deadLetterMb}mb
  dead_letter_queue.storage_policy: drop_older
`,
    "jvm.options": [
      `-Xms${heapMb}m`,
      `-Xmx${heapMb}m`,
      "-Djava.awt.headless=true",
      "-Dfile.encoding=UTF-8",
      "-Djruby.regexp.interruptible=true",
      "-Djava.security.egd=file:/dev/urandom",
      "",
    ].join("\n"),
    "pipeline.conf": renderPipeline(),
  };
}

/** The secret files, for `/run/secrets`. */
export function renderLogstashSecrets({ tls, password }: LogstashSecrets): FileMap {
  checkPasswords({ writer: password });
  return {
    ...renderTlsFiles(tls),
    "output.conf": `output {
  elasticsearch {
    hosts => ["${elasticsearchUrl}"]
    user => "${users.writer}"
    password => "${password}"
    ssl_enabled => true
    ssl_certificate_authorities => ["/run/secrets/ca.crt"]
    ssl_verification_mode => "full"
    data_stream => true
    # By the fields data_stream.*, which the filter sets.
    data_stream_auto_routing => true
  }
}
`,
  };
}
