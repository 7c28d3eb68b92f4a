import { readFolder, type FileMap } from "../files.ts";
import { hepPort } from "../heplify/index.ts";

/** Names and ports of HOMER that are the same in every stack. */
export const homer = {
  databasePort: 5432,
  databases: { data: "homer_data", config: "homer_config" },
  databaseUser: "homer",
  /** First user of its own log-in. */
  user: "admin",
  httpPort: 8080,
  metricsPort: 9096,
} as const;

/** What the database of HOMER depends on. */
export interface HomerDatabaseArgs {
  /** Address on data_net. */
  readonly address: string;
  /** Subnet of data_net, from which alone it takes connections. */
  readonly clients: string;
}

/** What the collector depends on. */
export interface HeplifyArgs {
  /** Address of the database. */
  readonly database: string;
  /** Days that messages are kept. */
  readonly retentionDays: number;
  /** Size of the database in GiB above which the oldest go earlier. */
  readonly maxGb: number;
}

/** Passwords; letters and digits only. */
export interface HomerSecrets {
  /** Of the database's user. */
  readonly databasePassword: string;
  /** Of HOMER's own first user. */
  readonly userPassword: string;
}

const postgresFolder = "/etc/homer-db";

/** How PostgreSQL has to be run. */
export const homerDatabaseRuntime = {
  uid: 4118,
  gid: 4118,
  mounts: { config: postgresFolder, secrets: "/run/secrets", data: "/var/lib/postgresql" },
  tmpfs: { "/run/postgresql": "uid=4118,gid=4118,mode=0750,size=16m", "/tmp": "uid=4118,gid=4118,mode=0700,size=64m" },
  healthcheck: ["CMD", "bash", `${postgresFolder}/healthcheck.sh`],
  memoryMb: 384,
  graceSeconds: 30,
} as const;

/** The plain files of PostgreSQL. */
export function renderHomerDatabase({ address, clients }: HomerDatabaseArgs): FileMap {
  const { databases, databasePort, databaseUser } = homer;
  return {
    ...readFolder(new URL("static/", import.meta.url)),
    "postgresql.conf": [
      `listen_addresses = '${address}'`,
      `port = ${databasePort}`,
      "unix_socket_directories = '/run/postgresql'",
      "password_encryption = 'scram-sha-256'",
      `hba_file = '${postgresFolder}/pg_hba.conf'`,
      "shared_buffers = '96MB'",
      "max_connections = 60",
      // What the last second has collected may be lost with the machine: traces are no records of calls.
      "synchronous_commit = off",
      "log_destination = 'jsonlog'",
      "logging_collector = off",
      "",
    ].join("\n"),
    "pg_hba.conf": [
      "# The superuser from inside the container only, without a password; HOMER's user from data_net with one.",
      "local all postgres peer",
      ...Object.values(databases).map((name) => `host ${name} ${databaseUser} ${clients} scram-sha-256`),
      "",
    ].join("\n"),
    "databases.sql": [
      // Letters and digits: see HomerSecrets. Read from its file by psql, so that it is in no argument.
      "\\set password `cat /run/secrets/database-password`",
      `SELECT 'CREATE ROLE ${databaseUser} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${databaseUser}') \\gexec`,
      `ALTER ROLE ${databaseUser} PASSWORD :'password';`,
      ...Object.values(databases).map(
        (name) =>
          `SELECT 'CREATE DATABASE ${name} OWNER ${databaseUser}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${name}') \\gexec`,
      ),
      "",
    ].join("\n"),
  };
}

/** The secret file of PostgreSQL, for `/run/secrets`. */
export function renderHomerDatabaseSecrets({ databasePassword }: Pick<HomerSecrets, "databasePassword">): FileMap {
  return { "database-password": databasePassword };
}

/** Folder with heplify-server's program, for its user. */
const heplifyFolder = "/opt/heplify";

/**
 * How heplify-server has to be run. The publisher's image runs it as root from root's own folder, where it also writes a log: here its user gets
 * a copy ({@link heplifyCopy}), and a folder in memory to work in.
 */
export const heplifyRuntime = {
  uid: 4119,
  gid: 4119,
  mounts: { secrets: "/run/secrets", program: heplifyFolder },
  tmpfs: { "/run/heplify": "uid=4119,gid=4119,mode=0700,size=64m" },
  workingDir: "/run/heplify",
  entrypoint: [`${heplifyFolder}/heplify-server`],
  command: ["-config", "/run/secrets/heplify-server.toml"],
  healthcheck: ["CMD-SHELL", `wget -q -O /dev/null http://127.0.0.1:${homer.metricsPort}/metrics`],
  memoryMb: 256,
  graceSeconds: 10,
} as const;

/** Has root of the publisher's image copy the program for the user; over one that runs, hence the second name. */
export const heplifyCopy = [
  "sh",
  "-euc",
  `install -m 0755 ./heplify-server ${heplifyFolder}/new && mv -f ${heplifyFolder}/new ${heplifyFolder}/heplify-server`,
] as const;

/** The configuration of heplify-server, which holds a password, for `/run/secrets`. */
export function renderHeplify(
  { database, retentionDays, maxGb }: HeplifyArgs,
  { databasePassword }: Pick<HomerSecrets, "databasePassword">,
): FileMap {
  const { databases, databasePort, databaseUser, metricsPort } = homer;
  const settings: Record<string, string | number | boolean | readonly string[]> = {
    HEPAddr: `0.0.0.0:${hepPort}`,
    PromAddr: `:${metricsPort}`,
    // Sic.
    DBShema: "homer7",
    DBDriver: "postgres",
    DBAddr: `${database}:${databasePort}`,
    DBUser: databaseUser,
    DBPass: databasePassword,
    DBDataTable: databases.data,
    DBConfTable: databases.config,
    DBRotate: true,
    DBDropDays: retentionDays,
    DBDropOnStart: true,
    DBUsageProtection: true,
    DBUsageScheme: "maxsize",
    DBMaxSize: `${maxGb}GB`,
    // The two legs of a call have Call-IDs of their own and this header in common.
    AlegIDs: ["X-CID"],
    // Pings of nodes and phones.
    DiscardMethod: ["OPTIONS"],
    LogStd: true,
    LogLvl: "warning",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return { "heplify-server.toml": `${lines.join("\n")}\n` };
}

/**
 * How homer-app has to be run. The publisher's entrypoint takes passwords from the environment and writes them into its own files; here the file
 * is whole, and only what it does to the database is done.
 */
export const homerAppRuntime = {
  uid: 4120,
  gid: 4120,
  mounts: { secrets: "/run/secrets" },
  tmpfs: { "/run/homer": "uid=4120,gid=4120,mode=0700,size=32m" },
  workingDir: "/run/homer",
  entrypoint: ["/bin/sh", "-euc"],
  command: [
    [
      "umask 077",
      // It writes to its configuration; a copy by cp would be as read-only as the secret.
      "cat /run/secrets/webapp_config.json > /run/homer/webapp_config.json",
      "/homer-app -create-table-db-config -webapp-config-path=/run/homer",
      '/homer-app -populate-table-db-config -webapp-config-path=/run/homer -force-password="$(cat /run/secrets/user-password)"',
      "exec /homer-app -webapp-config-path=/run/homer",
    ].join("\n"),
  ],
  healthcheck: ["CMD-SHELL", `wget -q -O /dev/null http://127.0.0.1:${homer.httpPort}/`],
  memoryMb: 256,
  graceSeconds: 10,
} as const;

/** The files of homer-app, for `/run/secrets`. */
export function renderHomerApp(database: string, { databasePassword, userPassword }: HomerSecrets): FileMap {
  const { databases, databaseUser, httpPort } = homer;
  const access = { user: databaseUser, pass: databasePassword, host: database };
  const settings = {
    database_data: { LocalNode: { node: "LocalNode", name: databases.data, keepalive: true, ...access } },
    database_config: { node: "LocalConfig", name: databases.config, keepalive: true, ...access },
    http_settings: { host: "0.0.0.0", port: httpPort, root: "/usr/local/homer/dist", gzip: true, debug: false },
    system_settings: { logpath: "/run/homer", logname: "homer-app.log", loglevel: "warn", logstdout: true },
    auth_settings: { type: "internal", token_expire: 28_800 },
  };
  return { "webapp_config.json": `${JSON.stringify(settings, null, 2)}\n`, "user-password": userPassword };
}

const settingsFolder = "/run/homer-settings";

/** The job that sets, in the database of homer-app, what that has no file for. It runs in PostgreSQL's image, as its user. */
export const homerSettingsRuntime = {
  folder: settingsFolder,
  command: [
    "bash",
    "-euc",
    [
      `export PGSERVICEFILE=${settingsFolder}/service PGOPTIONS='--client-min-messages=warning'`,
      `exec /usr/local/pgsql/psql --quiet --no-psqlrc --no-password --set ON_ERROR_STOP=1 --single-transaction \\`,
      `  --dbname service=homer --file ${settingsFolder}/settings.sql`,
    ].join("\n"),
  ],
  memoryMb: 64,
} as const;

/**
 * What belongs to a call, in the order in which homer-app looks for it, 300 s before to 200 s after the time that was searched. A message names
 * the call that it is a leg of by the edge's `X-CID`, which heplify-server keeps as the message's correlation id. homer-app's own list knows
 * the way from the second leg to the first alone.
 */
const callCorrelation = [
  // The first leg, of a second one.
  { source_field: "protocol_header.correlation_id", lookup_field: "sid", append_sid: true },
  // All second legs.
  { source_field: "data_header.callid", lookup_field: "protocol_header->>'correlation_id'", append_sid: true },
  // Each leg whole.
  { source_field: "data_header.callid", lookup_field: "sid" },
].map((step) => ({ ...step, lookup_id: 1, lookup_profile: "call", lookup_range: [-300, 200] }));

/** What homer-app's database depends on. */
export interface HomerSettings {
  /** Address of the database. */
  readonly database: string;
  readonly databasePassword: string;
  /** bcrypt hash of the password of HOMER's own user. */
  readonly userHash: string;
}

/** Log-in (a connection service file of libpq) and statements of the job; homer-app reads what they change at every request. */
export function renderHomerSettings({ database, databasePassword, userHash }: HomerSettings): FileMap {
  const { databases, databasePort, databaseUser, user } = homer;
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
  /** A statement that fails the job when there is nothing that it changes. */
  const must = (statement: string) =>
    `DO $must$ BEGIN ${statement}; IF NOT FOUND THEN RAISE 'HOMER has other tables: nothing to change'; END IF; END $must$;`;
  return {
    service: [
      "[homer]",
      `host=${database}`,
      `port=${databasePort}`,
      `dbname=${databases.config}`,
      `user=${databaseUser}`,
      `password=${databasePassword}`,
      "",
    ].join("\n"),
    "settings.sql": [
      must(
        `UPDATE mapping_schema SET correlation_mapping = ${literal(JSON.stringify(callCorrelation))} WHERE hepid = 1 AND profile = 'call'`,
      ),
      // homer-app sets it with the tables, and never again.
      must(`UPDATE users SET hash = ${literal(userHash)} WHERE username = ${literal(user)}`),
      // A second administrator, and a token for programs, that it brings along.
      `DELETE FROM users WHERE username = 'support';`,
      `DELETE FROM auth_token WHERE name = 'Test token';`,
      "",
    ].join("\n"),
  };
}
