import { dump } from "js-yaml";
import type { FileMap } from "../files.ts";
import { httpHealthcheck } from "../health.ts";

/** Programs of the image; each runs as a user of its own. */
const programs = {
  node: { uid: 4113, port: 9100 },
  blackbox: { uid: 4114, port: 9115 },
  mysqld: { uid: 4115, port: 9104 },
  nginx: { uid: 4117, port: 9113 },
} as const;

/** Name of an exporter. */
export type Exporter = keyof typeof programs;

/** TCP ports on monitoring_net. */
export const exporterPorts = Object.fromEntries(
  Object.entries(programs).map(([name, { port }]) => [name, port]),
) as Readonly<Record<Exporter, number>>;

/** How the container of an exporter has to be run. None of them writes anything. */
export interface ExporterRuntime {
  readonly uid: number;
  readonly gid: number;
  /** The program and its arguments: the image has no entrypoint. */
  readonly command: readonly string[];
  readonly mounts: { readonly config?: string; readonly secrets?: string };
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly healthcheck: readonly string[];
  readonly memoryMb: number;
  readonly graceSeconds: number;
}

function runtime(
  name: Exporter,
  { args, ...rest }: { args: readonly string[] } & Partial<Pick<ExporterRuntime, "mounts" | "memoryMb">>,
): ExporterRuntime {
  const { uid, port } = programs[name];
  return {
    uid,
    gid: uid,
    command: [`/usr/bin/prometheus-${name}-exporter`, `--web.listen-address=:${port}`, "--log.format=json", ...args],
    mounts: {},
    tmpfs: {},
    // Not the metrics: those of the database would be asked for with every check.
    healthcheck: httpHealthcheck(port, "/"),
    memoryMb: 64,
    graceSeconds: 10,
    ...rest,
  };
}

/** What the node exporter sees from inside a container: these are of the host, because the kernel has no namespaces for them. */
const collectors = [
  ...["cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "pressure", "stat", "time", "timex", "uname"],
  "vmstat",
];

/**
 * Without mounts, namespaces or privileges of the host. The file system is that of `/etc/hosts`, which the engine mounts from its own data
 * folder: the disk that images, volumes and logs fill.
 */
export function nodeExporterRuntime(): ExporterRuntime {
  return runtime("node", {
    args: [
      "--web.disable-exporter-metrics",
      "--collector.disable-defaults",
      ...collectors.map((name) => `--collector.${name}`),
      "--collector.filesystem.mount-points-include=^/etc/hosts$",
      "--collector.vmstat.fields=^oom_kill$",
    ],
  });
}

/** A certificate that the blackbox exporter looks at. */
export interface ProbedCertificate {
  /** Name or address that has to be in it. */
  readonly name: string;
  /** CA that has to have issued it, PEM; empty: a public one. */
  readonly ca: string;
  /** Whether that is checked at all, beside its end. Default true. */
  readonly verify?: boolean;
}

/** What the blackbox exporter expects. */
export interface BlackboxConfigArgs {
  /** Where OPTIONS go to. */
  readonly domain: string;
  readonly edge: ProbedCertificate;
  readonly frontDoor: ProbedCertificate;
}

/** Names of the blackbox exporter's modules. */
export type ProbeModule = "connect" | "sip" | "tls_edge" | "tls_front_door";

const blackboxFolder = "/etc/blackbox-exporter";

/** How the blackbox exporter has to be run. */
export function blackboxExporterRuntime(): ExporterRuntime {
  return runtime("blackbox", {
    args: [`--config.file=${blackboxFolder}/blackbox.yml`],
    mounts: { config: blackboxFolder },
  });
}

/** The files for `/etc/blackbox-exporter`. */
export function renderBlackboxConfig({ domain, edge, frontDoor }: BlackboxConfigArgs): FileMap {
  // One line each; the exporter adds the line feed.
  const options = [
    `OPTIONS sip:${domain} SIP/2.0`,
    "Via: SIP/2.0/TCP blackbox-exporter.invalid;branch=z9hG4bKblackbox;rport",
    `From: <sip:probe@${domain}>;tag=blackbox`,
    `To: <sip:${domain}>`,
    "Call-ID: blackbox@blackbox-exporter.invalid",
    "CSeq: 1 OPTIONS",
    "Max-Forwards: 70",
    "Content-Length: 0",
    "",
  ];
  const tls = (file: string, { name, ca, verify = true }: ProbedCertificate) => ({
    prober: "tcp",
    timeout: "5s",
    tcp: {
      tls: true,
      tls_config: {
        server_name: name,
        ...(verify ? ca !== "" && { ca_file: `${blackboxFolder}/${file}` } : { insecure_skip_verify: true }),
      },
    },
  });
  const modules: Record<ProbeModule, object> = {
    connect: { prober: "tcp", timeout: "5s" },
    sip: {
      prober: "tcp",
      timeout: "5s",
      tcp: { query_response: [...options.map((line) => ({ send: `${line}\r` })), { expect: "^SIP/2.0 200 " }] },
    },
    tls_edge: tls("edge-ca.pem", edge),
    tls_front_door: tls("front-door-ca.pem", frontDoor),
  };
  return {
    "blackbox.yml": `# Generated.\n${dump({ modules }, { lineWidth: -1, noRefs: true })}`,
    "edge-ca.pem": edge.ca,
    "front-door-ca.pem": frontDoor.ca,
  };
}

/** What the exporter of the database depends on. */
export interface MysqldExporterArgs {
  host: string;
  port: number;
  user: string;
}

const mysqldSecrets = "/run/secrets";

/** How the exporter of the database has to be run. */
export function mysqldExporterRuntime(): ExporterRuntime {
  return runtime("mysqld", {
    args: [
      `--config.my-cnf=${mysqldSecrets}/my.cnf`,
      "--exporter.lock_wait_timeout=2",
      // Only what needs no more rights than the user has, and is used.
      "--no-collect.slave_status",
      "--no-collect.info_schema.innodb_cmp",
      "--no-collect.info_schema.innodb_cmpmem",
      "--no-collect.info_schema.query_response_time",
    ],
    mounts: { secrets: mysqldSecrets },
  });
}

/** The secret files, for `/run/secrets`. The password is a generated one: letters and digits. */
export function renderMysqldExporterSecrets(
  { host, port, user }: MysqldExporterArgs,
  { password }: { password: string },
): FileMap {
  return {
    "my.cnf": ["[client]", `host=${host}`, `port=${port}`, `user=${user}`, `password=${password}`, ""].join("\n"),
  };
}

/** `status`: URL of nginx' `stub_status`. */
export function nginxExporterRuntime({ status }: { status: string }): ExporterRuntime {
  return runtime("nginx", { args: [`--nginx.scrape-uri=${status}`] });
}
