import { readFileSync } from "node:fs";
import type { FileMap } from "../files.ts";

/** What MariaDB's configuration depends on. A change of any value replaces the container; the data stay in their volume. */
export interface MariadbConfigArgs {
  /** InnoDB buffer pool in MiB. Default 64. */
  bufferPoolMb?: number;
  /** Client connections at once: each Kamailio process holds up to 8. Default 400. */
  maxConnections?: number;
}

/** One password per database user; letters, digits, `_` and `-` only. A new value takes effect when the container starts, or by the job of `renderPasswordsJob`. */
export interface MariadbSecrets {
  /** `schema`: owns tables and rows, used by the one-shot jobs. */
  schemaPassword: string;
  /** `kamailio`: reads everything, writes registrations, dialogs and CDRs. */
  kamailioPassword: string;
  /** `asterisk`: voicemail only. */
  asteriskPassword: string;
  /** `report`: reads CDRs. */
  reportPassword: string;
  /** `exporter`: reads the server's statistics and no table; there is none when left out. */
  exporterPassword?: string | undefined;
}

/** Names that are the same in every stack. */
export const database = {
  name: "kamailio",
  port: 3306,
  users: { schema: "schema", kamailio: "kamailio", asterisk: "asterisk", report: "report", exporter: "exporter" },
} as const;

/** Columns of acc_cdrs that the edge writes, in the order of a record in its log: all but `id` and those that are calculated. */
export const callRecordColumns = [
  ...["cdr_id", "callid", "account", "src_ip", "start_time", "xcid", "direction", "caller", "callee", "node", "trunk"],
  ...["codec", "sip_code", "cause", "ended_by", "ring_time", "answer_time", "end_time", "duration"],
] as const;

/** Columns of `location` that change when a phone registers again. */
export const locationChanges = [
  ...["contact", "received", "path", "expires", "q", "callid", "cseq", "last_modified", "flags", "cflags"],
  ...["user_agent", "socket", "methods", "instance", "reg_id"],
] as const;

/** Columns of `location` that the edge writes, in this order. */
export const locationColumns = ["ruid", "username", "domain", ...locationChanges] as const;

/** Columns of `dialog` that the edge writes, in this order. */
export const dialogColumns = [
  ...["hash_entry", "hash_id", "callid", "from_uri", "from_tag", "to_uri", "to_tag", "caller_cseq", "callee_cseq"],
  ...["caller_route_set", "callee_route_set", "caller_contact", "callee_contact", "caller_sock", "callee_sock"],
  ...["state", "start_time", "timeout", "sflags", "iflags", "req_uri", "xdata"],
] as const;

/** Those that change during a call. */
export const dialogChanges = [
  ...["caller_cseq", "callee_cseq", "caller_contact", "callee_contact", "timeout", "iflags"],
] as const;

/** The values of the optional arguments. */
export const mariadbDefaults = { bufferPoolMb: 64, maxConnections: 400, retentionDays: 400 } as const;

/** How the container has to be run. */
export const mariadbRuntime = {
  uid: 4104,
  gid: 4104,
  command: [],
  mounts: { config: "/etc/mysql/sbc", secrets: "/run/secrets", data: "/var/lib/mysql", socket: "/run/mysqld" },
  /** Socket, init file and temporary tables. */
  tmpfs: { "/run/mysqld": "uid=4104,gid=4104,mode=0750,size=64m" },
  /** A query by a user that the init file makes: a ping would not notice that it had failed. */
  healthcheck: ["CMD", "bash", "/etc/mysql/sbc/healthcheck.sh"],
  memoryMb: 384,
  graceSeconds: 60,
} as const;

const file = (name: string) => readFileSync(new URL(`static/${name}`, import.meta.url), "utf8");

/** Prints the SQL that makes the users with the passwords in `/run/secrets`: run by the server's start and by the job that changes them. */
export const usersScript = file("users.sh");

/** The plain files, for `/etc/mysql/sbc`. */
export function renderMariadbConfig(args: MariadbConfigArgs = {}): FileMap {
  const { bufferPoolMb, maxConnections } = { ...mariadbDefaults, ...args };
  return {
    "entrypoint.sh": file("entrypoint.sh"),
    "healthcheck.sh": file("healthcheck.sh"),
    "my.cnf": file("my.cnf"),
    "stack.cnf": `[mariadbd]\ninnodb_buffer_pool_size = ${bufferPoolMb}M\nmax_connections = ${maxConnections}\n`,
    "users.sh": usersScript,
  };
}

/**
 * The secret files, for `/run/secrets`: one password per file, no newline.
 * @throws when a password holds a character that could end the SQL string that it is put into, or a URL's part.
 */
export function renderMariadbSecrets(secrets: MariadbSecrets): FileMap {
  for (const [name, value] of Object.entries(secrets)) {
    if (value !== undefined && !/^[A-Za-z0-9_-]+$/.test(value)) {
      throw new Error(`MariaDB's ${name} may only hold letters, digits, "_" and "-", and must not be empty`);
    }
  }
  return {
    schema_password: secrets.schemaPassword,
    kamailio_password: secrets.kamailioPassword,
    asterisk_password: secrets.asteriskPassword,
    report_password: secrets.reportPassword,
    ...(secrets.exporterPassword !== undefined && { exporter_password: secrets.exporterPassword }),
  };
}
