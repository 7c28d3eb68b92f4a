import { readFileSync } from "node:fs";
import { hashSync } from "bcryptjs";
import { readFolder, type FileMap } from "../files.ts";
import { indexTemplate, logRetentionDays, roles, users } from "./objects.ts";

/** What Elasticsearch's configuration depends on. A change of any value replaces the container; the logs stay in their volume. */
export interface ElasticsearchConfigArgs {
  /** Name of the cluster: the stack's. */
  clusterName: string;
  /** Java heap in MiB; the container gets twice as much, the other half for the file cache and what is outside the heap. Default 1024. */
  heapMb?: number;
}

/** A certificate of the log pipeline with its key, PEM. */
export interface TlsFiles {
  /** CA of all ends of the pipeline. */
  ca: string;
  /** The certificate. */
  certificate: string;
  /** Its key in PKCS #8: Logstash reads no other kind. */
  key: string;
}

/** What must not be in a plain file. */
export interface ElasticsearchSecrets {
  tls: TlsFiles;
  /** Password of the set-up user; letters and digits only. */
  setupPassword: string;
  /** 22 letters and digits that stay the same, so that its hash does. */
  salt: string;
}

/** Passwords of the users; letters and digits only. */
export interface ElasticPasswords {
  setup: string;
  kibana: string;
  writer: string;
  reader: string;
  admin: string;
}

/** The values of the optional arguments. */
export const elasticsearchDefaults = { heapMb: 1024, retentionDays: logRetentionDays } as const;

/** TCP port for HTTPS. */
export const elasticsearchPort = 9200;
/** Where the other programs of the pipeline find it; its certificate is for this name. */
export const elasticsearchUrl = `https://elasticsearch:${elasticsearchPort}`;

/** How the container has to be run: the upstream image with its own user. */
export function elasticsearchRuntime({ heapMb = elasticsearchDefaults.heapMb }: { heapMb?: number } = {}) {
  return {
    uid: 1000,
    gid: 1000,
    command: ["bash", "/etc/elasticsearch/sbc/start.sh"],
    mounts: { config: "/etc/elasticsearch/sbc", secrets: "/run/secrets", data: "/usr/share/elasticsearch/data" },
    /** Configuration with the keystore, the JVM's own files, and unpacked libraries, which must be allowed to run. */
    tmpfs: {
      "/run/elasticsearch": "uid=1000,gid=1000,mode=0700,size=16m",
      "/usr/share/elasticsearch/logs": "uid=1000,gid=1000,mode=0750,size=64m",
      "/tmp": "uid=1000,gid=1000,mode=0700,size=256m,exec",
    },
    healthcheck: ["CMD", "bash", "/etc/elasticsearch/sbc/healthcheck.sh"],
    memoryMb: 2 * heapMb,
    graceSeconds: 60,
    /** Two cores, a slow disk and an index to recover. */
    startSeconds: 300,
  } as const;
}

const staticFiles = readFolder(new URL("static/", import.meta.url));

/** The plain files, for `/etc/elasticsearch/sbc`. */
export function renderElasticsearchConfig(args: ElasticsearchConfigArgs): FileMap {
  const heapMb = args.heapMb ?? elasticsearchDefaults.heapMb;
  return {
    ...staticFiles,
    "elasticsearch.yml": elasticsearchYml(args.clusterName),
    "sbc.options": [
      `-Xms${heapMb}m`,
      `-Xmx${heapMb}m`,
      "# The log of the garbage collector would go to 32 files of 64 MiB.",
      "-Xlog:disable",
      "-Xlog:all=warning:stderr:utctime,level,tags",
      "",
    ].join("\n"),
    users_roles: `superuser:${users.setup}\n`,
  };
}

/** The secret files, for `/run/secrets`. */
export function renderElasticsearchSecrets({ tls, setupPassword, salt }: ElasticsearchSecrets): FileMap {
  checkPasswords({ setup: setupPassword });
  // The cheapest that bcrypt has: with 190 bits of a generated password a slow hash protects nothing.
  return { ...renderTlsFiles(tls), users: `${users.setup}:${hashSync(setupPassword, `$2b$05$${salt}`)}\n` };
}

/** The files of a certificate, under the names that all programs of the pipeline use. */
export function renderTlsFiles({ ca, certificate, key }: TlsFiles): FileMap {
  return { "ca.crt": ca, "tls.crt": certificate, "tls.key": key };
}

function elasticsearchYml(clusterName: string): string {
  return `# Rendered. One node; everything is denied to whoever does not log in over TLS.
cluster.name: ${clusterName}
node.name: elasticsearch
discovery.type: single-node
http.host: 0.0.0.0
http.port: ${elasticsearchPort}
# There is no other node to talk to.
transport.host: 127.0.0.1
path.data: /usr/share/elasticsearch/data
path.logs: /usr/share/elasticsearch/logs
# Never the trial, whose features would be gone after 30 days.
xpack.license.self_generated.type: basic
xpack.security.enabled: true
# Both would make passwords and certificates of their own and print them to the log.
xpack.security.autoconfiguration.enabled: false
xpack.security.enrollment.enabled: false
xpack.security.authc.realms.file.file1.order: 0
xpack.security.authc.realms.native.native1.order: 1
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.certificate: certs/tls.crt
xpack.security.http.ssl.key: certs/tls.key
xpack.security.http.ssl.certificate_authorities: [certs/ca.crt]
xpack.security.http.ssl.supported_protocols: [TLSv1.3, TLSv1.2]
xpack.security.transport.ssl.enabled: true
xpack.security.transport.ssl.verification_mode: certificate
xpack.security.transport.ssl.certificate: certs/tls.crt
xpack.security.transport.ssl.key: certs/tls.key
xpack.security.transport.ssl.certificate_authorities: [certs/ca.crt]
# Machine learning takes memory outside the heap, and is not in the basic licence. The database of places would come from the internet.
xpack.ml.enabled: false
ingest.geoip.downloader.enabled: false
`;
}

/** The job that makes users, roles and the index template: in any image with bash, coreutils and curl. */
export const setupJob = {
  script: readFileSync(new URL("jobs/setup.sh", import.meta.url), "utf8"),
  /** Folder of what is secret. */
  login: "/staging/login",
  /** Folder of the rest. */
  bodies: "/staging/bodies",
} as const;

/** Its command line. @param patienceSeconds how long it waits for the node to take its login */
export function setupCommand(url: string, patienceSeconds: number): string[] {
  const { script, login, bodies } = setupJob;
  return ["/bin/bash", "-c", script, "setup", url, login, bodies, String(patienceSeconds)];
}

/**
 * Its plain files.
 * @throws RangeError when lines would be kept for less than a day: that is what Elasticsearch deletes whole indices by.
 */
export function renderSetupBodies(retentionDays: number): FileMap {
  if (!Number.isInteger(retentionDays) || retentionDays < 1) {
    throw new RangeError(`logs must be kept for at least one whole day, not ${retentionDays}`);
  }
  return {
    "template.json": JSON.stringify(indexTemplate(retentionDays)),
    "lifecycle.json": JSON.stringify({ data_retention: `${retentionDays}d` }),
    ...Object.fromEntries(Object.entries(roles).map(([name, role]) => [`roles/${name}.json`, JSON.stringify(role)])),
  };
}

/**
 * Its secret files.
 * @throws when a password holds more than letters and digits: each is written into JSON, YAML, a curl and a Logstash file.
 */
export function renderSetupLogin(passwords: ElasticPasswords, ca: string): FileMap {
  checkPasswords(passwords);
  const user = (roleNames: readonly string[], password: string) => JSON.stringify({ password, roles: roleNames });
  return {
    "ca.crt": ca,
    "curl.conf": curlLogin(passwords),
    [`passwords/${users.kibana}.json`]: JSON.stringify({ password: passwords.kibana }),
    [`passwords/${users.admin}.json`]: JSON.stringify({ password: passwords.admin }),
    [`users/${users.writer}.json`]: user(["sbc_log_writer"], passwords.writer),
    // `viewer` is the product's role for Kibana without its system indices.
    [`users/${users.reader}.json`]: user(["viewer", "sbc_log_reader"], passwords.reader),
  };
}

/** How a job logs in: curl's own file. */
export function curlLogin({ setup }: Pick<ElasticPasswords, "setup">): string {
  return `user = "${users.setup}:${setup}"\n`;
}

/** @throws when one of the passwords would need quoting somewhere */
export function checkPasswords(passwords: Readonly<Partial<ElasticPasswords>>): void {
  for (const [name, value] of Object.entries(passwords)) {
    // Elasticsearch takes no less than 6 characters.
    if (!/^[A-Za-z0-9]{6,72}$/.test(value)) {
      throw new Error(`Elasticsearch's ${name} password must be 6 to 72 letters and digits`);
    }
  }
}
