import { databaseJobRuntime, renderDatabaseJob, renderDatabaseJobSecrets } from "../../configs/mariadb/jobs.ts";
import {
  database,
  mariadbRuntime,
  renderMariadbConfig,
  renderMariadbSecrets,
  type MariadbSecrets,
} from "../../configs/mariadb/index.ts";
import { TestContainer } from "./container.ts";
import { ensureImage } from "./images.ts";

export const databaseSecrets: MariadbSecrets = {
  schemaPassword: "schema-secret",
  kamailioPassword: "kamailio-secret",
  asteriskPassword: "asterisk-secret",
  reportPassword: "report-secret",
  exporterPassword: "exporter-secret",
};

/** MariaDB in our image, data in memory, healthy. */
export async function startDatabase({
  secrets = databaseSecrets,
  network,
}: { secrets?: MariadbSecrets; network?: TestContainer } = {}): Promise<TestContainer> {
  const { mounts, tmpfs, uid, memoryMb, healthcheck } = mariadbRuntime;
  const container = TestContainer.start({
    role: "mariadb",
    image: await ensureImage("mariadb"),
    files: { [mounts.config]: renderMariadbConfig(), [mounts.secrets]: renderMariadbSecrets(secrets) },
    tmpfs: { ...tmpfs, [mounts.data]: `uid=${uid},gid=${uid},mode=0750` },
    command: ["/bin/bash", `${mounts.config}/entrypoint.sh`],
    uid,
    // The data, which are in a volume otherwise.
    memoryMb: memoryMb + 256,
    network,
  });
  await container.healthy(healthcheck);
  return container;
}

/** Runs the database job beside the database; its steps are those of the stack unless given. */
export async function runDatabaseJob(
  network: TestContainer,
  rows: string,
  { steps, files = {} }: { steps?: readonly string[]; files?: Readonly<Record<string, string>> } = {},
): Promise<{ exitCode: number; output: string }> {
  const { mounts, uid, memoryMb, entrypoint, command } = databaseJobRuntime;
  await using job = TestContainer.start({
    role: "database-job",
    image: await ensureImage("kamailio"),
    files: {
      [mounts.files]: { ...renderDatabaseJob({ host: "127.0.0.1" }), ...files },
      [mounts.secrets]: renderDatabaseJobSecrets({ schemaPassword: databaseSecrets.schemaPassword, rows }),
    },
    command: [...entrypoint, command[0], ...(steps ?? command.slice(1))],
    uid,
    memoryMb,
    network,
  });
  return { exitCode: await job.ended(), output: job.output };
}

/** Rows of a query, as one of the database's users or (over the socket) its administrator. */
export async function query(
  container: TestContainer,
  sql: string,
  user?: { name: string; password: string },
): Promise<{ exitCode: number; rows: string[]; error: string }> {
  const login =
    user === undefined
      ? []
      : ["--protocol=tcp", "--host=127.0.0.1", `--user=${user.name}`, `--password=${user.password}`];
  const result = await container.exec(
    ["mariadb", "--no-defaults", ...login, "--batch", "--skip-column-names", database.name],
    sql,
  );
  const text = result.stdout.toString("utf8").trimEnd();
  return { exitCode: result.exitCode, rows: text === "" ? [] : text.split("\n"), error: result.stderr };
}
