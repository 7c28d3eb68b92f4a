import { readFileSync } from "node:fs";
import { readFolder, type FileMap } from "../files.ts";
import {
  checkPasswords,
  curlLogin,
  elasticsearchUrl,
  renderTlsFiles,
  type ElasticPasswords,
  type TlsFiles,
} from "../elasticsearch/index.ts";
import { users } from "../elasticsearch/objects.ts";
import { renderObjects } from "./objects.ts";

/** What Kibana's configuration depends on. A change of any value replaces the container. */
export interface KibanaConfigArgs {
  /** URL by which browsers reach it: that of the front door. Default: none, then links in exports lead nowhere. */
  publicUrl?: string | undefined;
  /** Heap of its JavaScript engine in MiB. Default 640. */
  heapMb?: number;
}

/** What must not be in a plain file. */
export interface KibanaSecrets {
  tls: TlsFiles;
  /** Password of `kibana_system`. */
  password: string;
  /** At least 32 characters; all three must survive a restart, or sessions and stored secrets die with it. */
  keys: { session: string; objects: string; reporting: string };
}

/** The values of the optional arguments. */
export const kibanaDefaults = { heapMb: 640 } as const;

/** TCP port for HTTPS. */
export const kibanaPort = 5601;
/** Where the front door finds it; its certificate is for this name. */
export const kibanaUrl = `https://kibana:${kibanaPort}`;

/** How the container has to be run: the upstream image with its own user. */
export function kibanaRuntime({ heapMb = kibanaDefaults.heapMb }: { heapMb?: number } = {}) {
  return {
    uid: 1000,
    gid: 1000,
    command: ["bash", "/etc/kibana/sbc/start.sh"],
    mounts: { config: "/etc/kibana/sbc", secrets: "/run/secrets" },
    /** Its id and the bundles that it unpacks; all that counts is in Elasticsearch. */
    tmpfs: {
      "/usr/share/kibana/data": "uid=1000,gid=1000,mode=0750,size=64m",
      "/usr/share/kibana/logs": "uid=1000,gid=1000,mode=0750,size=16m",
      "/tmp": "uid=1000,gid=1000,mode=0700,size=64m",
    },
    healthcheck: ["CMD", "bash", "/etc/kibana/sbc/healthcheck.sh"],
    memoryMb: heapMb + 384,
    graceSeconds: 30,
    /** The first start makes its indices. */
    startSeconds: 300,
  } as const;
}

const staticFiles = readFolder(new URL("static/", import.meta.url));

/** The plain files, for `/etc/kibana/sbc`. */
export function renderKibanaConfig({ publicUrl, heapMb = kibanaDefaults.heapMb }: KibanaConfigArgs): FileMap {
  return {
    ...staticFiles,
    "heap-mb": `${heapMb}\n`,
    "kibana.yml": `# Rendered. Reached through the front door alone, which has a password of its own.
server.name: kibana
server.host: 0.0.0.0
server.port: ${kibanaPort}
${publicUrl === undefined ? "" : `server.publicBaseUrl: ${publicUrl}\n`}server.ssl.enabled: true
server.ssl.certificate: /run/secrets/tls.crt
server.ssl.key: /run/secrets/tls.key
server.ssl.supportedProtocols: [TLSv1.2, TLSv1.3]
elasticsearch.hosts: ["${elasticsearchUrl}"]
elasticsearch.username: ${users.kibana}
elasticsearch.ssl.certificateAuthorities: [/run/secrets/ca.crt]
elasticsearch.ssl.verificationMode: full
# The health check has no password; it is told the state and nothing about the stack.
status.allowAnonymous: true
xpack.security.session.idleTimeout: 8h
xpack.security.session.lifespan: 7d
# Nothing outside can be reached from here.
telemetry.optIn: false
telemetry.allowChangingOptInStatus: false
newsfeed.enabled: false
map.includeElasticMapsService: false
xpack.fleet.isAirGapped: true
path.data: /usr/share/kibana/data
logging:
  appenders:
    json:
      type: console
      layout:
        type: json
  root:
    appenders: [json]
    level: warn
`,
  };
}

/**
 * The secret files, for `/run/secrets`.
 * @throws when a key is shorter than Kibana takes, or anything would need quoting.
 */
export function renderKibanaSecrets({ tls, password, keys }: KibanaSecrets): FileMap {
  checkPasswords({ kibana: password });
  for (const [name, key] of Object.entries(keys)) {
    if (!/^[A-Za-z0-9]{32,}$/.test(key)) throw new Error(`Kibana's ${name} key must be 32 or more letters and digits`);
  }
  return {
    ...renderTlsFiles(tls),
    // Quoted: a password of digits would be a number.
    "kibana-secrets.yml": [
      `elasticsearch.password: "${password}"`,
      `xpack.security.encryptionKey: "${keys.session}"`,
      `xpack.encryptedSavedObjects.encryptionKey: "${keys.objects}"`,
      `xpack.reporting.encryptionKey: "${keys.reporting}"`,
      "",
    ].join("\n"),
  };
}

/** The job that puts data views and dashboards into Kibana: in any image with bash, coreutils and curl. */
export const importJob = {
  script: readFileSync(new URL("jobs/import.sh", import.meta.url), "utf8"),
  login: "/staging/login",
  objects: "/staging/objects",
} as const;

/** Its command line. @param patienceSeconds how long it waits for Kibana to be ready */
export function importCommand(url: string, patienceSeconds: number): string[] {
  const { script, login, objects } = importJob;
  return ["/bin/bash", "-c", script, "import", url, login, `${objects}/objects.ndjson`, String(patienceSeconds)];
}

/** Its plain files. */
export function renderImportObjects(): FileMap {
  return { "objects.ndjson": renderObjects() };
}

/** Its secret files. */
export function renderImportLogin(passwords: Pick<ElasticPasswords, "setup">, ca: string): FileMap {
  checkPasswords(passwords);
  return { "ca.crt": ca, "curl.conf": curlLogin(passwords) };
}
