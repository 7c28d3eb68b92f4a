import { readFileSync } from "node:fs";
import { asteriskGrants, voicemailSql } from "../asterisk/index.ts";
import type { FileMap } from "../files.ts";
import { database, mariadbDefaults, usersScript } from "./index.ts";

/** Arguments of the database job. */
export interface DatabaseJobArgs {
  /** MariaDB's address. Port, name and users are those of {@link database}. */
  host: string;
  /** Days that call records are kept. Default {@link mariadbDefaults}. */
  retentionDays?: number;
}

/** Secrets of the database job. */
export interface DatabaseJobSecrets {
  /** Password of the user `schema`. */
  schemaPassword: string;
  /** SQL of `renderRows`: it holds HA1 hashes, which are as good as passwords. */
  rows: string;
}

/** How the one-shot container runs: in the Kamailio image (the schema must be that of its very version), on data_net. */
export const databaseJobRuntime = {
  uid: 4101,
  gid: 4101,
  entrypoint: ["/bin/bash"],
  /** Makes or completes the schema, then reconciles the rows; each can be run alone. */
  command: ["/etc/sbc/job/database.sh", "schema", "rows"],
  mounts: { files: "/etc/sbc/job", secrets: "/run/secrets" },
  memoryMb: 128,
} as const;

/** How the one-shot container runs that makes a running server take changed passwords: in its image, with its socket and its secrets. */
export const passwordsJobRuntime = {
  command: ["/bin/bash", "/etc/sbc/job/set-passwords.sh"],
  folder: "/etc/sbc/job",
  memoryMb: 64,
} as const;

/** The files of that job, for its folder. */
export function renderPasswordsJob(): FileMap {
  return { "set-passwords.sh": file("set-passwords.sh"), "users.sh": usersScript };
}

const file = (name: string): string => readFileSync(new URL(`jobs/${name}`, import.meta.url), "utf8");
const databaseScript = file("database.sh");
const additions = file("additions.sql");
const retention = file("retention.sql");

/** The plain files of the job, for `/etc/sbc/job`. */
export function renderDatabaseJob(args: DatabaseJobArgs): FileMap {
  return {
    "database.sh": databaseScript,
    "database.env": `host=${args.host}\nport=${database.port}\nuser=${database.users.schema}\ndatabase=${database.name}\n`,
    "additions.sql": additions,
    "voicemail.sql": voicemailSql,
    "retention.sql": retentionSql(args.retentionDays ?? mariadbDefaults.retentionDays),
    "grants.sql": grantsSql(),
  };
}

/** The secret files of the job, for `/run/secrets`. */
export function renderDatabaseJobSecrets(secrets: DatabaseJobSecrets): FileMap {
  return {
    "client.cnf": `[client]\npassword = ${secrets.schemaPassword}\n`,
    "rows.sql": secrets.rows,
  };
}

/** The server's own scheduler runs it, every hour: nothing else has to be there for it. */
const retentionSql = (days: number): string =>
  `${retention}CREATE OR REPLACE EVENT cdr_retention ON SCHEDULE EVERY 1 HOUR DO CALL cdr_retention(${days});\n`;

/** Tables that Kamailio writes; it reads all others. An edge that was broken into cannot give itself a subscriber. */
const writtenByKamailio = [
  ...["acc_cdrs", "cdr_queue", "dialog", "dialog_vars", "event_queue", "event_unsent", "location", "location_attrs"],
];

/** Rights by table: the server cannot grant on tables that are not there yet, so its init file only makes the users. */
function grantsSql(): string {
  const { kamailio, asterisk, report } = database.users;
  const grant = (rights: readonly string[], table: string, user: string) =>
    `GRANT ${rights.join(", ")} ON ${database.name}.${table} TO '${user}'@'%';`;
  return [
    grant(["SELECT"], "*", kamailio),
    ...writtenByKamailio.map((table) => grant(["INSERT", "UPDATE", "DELETE"], table, kamailio)),
    ...Object.entries(asteriskGrants).map(([table, rights]) => grant(rights, table, asterisk)),
    grant(["SELECT"], "acc_cdrs", report),
    "",
  ].join("\n");
}
