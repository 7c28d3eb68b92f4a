import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { database, mariadbRuntime, renderMariadbConfig, renderMariadbSecrets } from "../configs/mariadb/index.ts";
import {
  databaseJobRuntime,
  passwordsJobRuntime,
  renderDatabaseJob,
  renderDatabaseJobSecrets,
  renderPasswordsJob,
} from "../configs/mariadb/jobs.ts";
import { renderRows, type Rows } from "../configs/mariadb/rows.ts";
import { ConfigVolume } from "./config-volume.ts";
import { labels, type ContainerDefaults } from "./container.ts";
import { contentHash } from "./content-hash.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import { job, type Job } from "./job.ts";
import { memoryVolume } from "./memory-volume.ts";
import { password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";

/** MariaDB with the tables of Kamailio and voicemail. */
export interface DatabaseArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  /** IPv4 address on data_net. Replaces the container. */
  readonly address: string;
  /** Where the service image comes from. */
  readonly images: ImageSettings;
  /** InnoDB's buffer pool in MiB. Replaces the container. */
  readonly bufferPoolMb: number;
  /** Connections at once. Replaces the container. */
  readonly maxConnections: number;
  /** Days that call records are kept. Restarts nothing. */
  readonly retentionDays: number;
  /** Limits of the container; default memory: buffer pool + 320. */
  readonly resources: { readonly memoryMb?: number; readonly cpus: number };
  /** Counters: another value makes a new password for that user, in the running server. */
  readonly rotation: Readonly<Record<keyof typeof database.users, number>>;
  /** Make the user that the exporter of metrics logs in as. */
  readonly exporter: boolean;
  /** Keep the data whatever happens: refuse to delete the volume, and leave it when the stack goes. */
  readonly protect: boolean;
}

/** What the database holds when a deployment is over. */
export interface ProvisionArgs {
  /** Kamailio's image: the schema must be that of its very version. */
  readonly image: docker.RemoteImage;
  /** Rows of the stack; subscribers with their passwords. */
  readonly rows: pulumi.Output<Rows>;
  /** Asterisk nodes: a row sends calls to its node at once, so the node has to answer first. */
  readonly nodes: readonly docker.Container[];
}

/** MariaDB: its data volume, its users, and the jobs that bring schema and rows up to date. */
export class Database extends pulumi.ComponentResource {
  /** The server, once healthy. */
  public readonly container: docker.Container;
  /** Passwords of the users, secret. */
  public readonly passwords: Readonly<Record<Exclude<keyof typeof database.users, "exporter">, pulumi.Output<string>>>;
  /** Password of the user `exporter`, secret; undefined where there is none. */
  public readonly exporterPassword?: pulumi.Output<string>;
  private readonly args: DatabaseArgs;
  /** The job after which the running server takes the present passwords. */
  public readonly passwordsSet: Job["done"];

  constructor(name: string, args: DatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("Database"), name, {}, options);
    this.args = args;
    const { defaults } = args;
    const { uid, gid, mounts } = mariadbRuntime;
    const own = { parent: this };
    const { rotation } = args;
    this.passwords = {
      schema: password("database-schema-password", rotation.schema, own),
      kamailio: password("database-kamailio-password", rotation.kamailio, own),
      asterisk: password("database-asterisk-password", rotation.asterisk, own),
      report: password("database-report-password", rotation.report, own),
    };

    if (args.exporter) this.exporterPassword = password("database-exporter-password", rotation.exporter, own);

    const mariadbImage = image("mariadb", args.images, own);
    const volume = { defaults, plane: "data", image: mariadbImage, uid, gid } as const;
    const config = new ConfigVolume(
      "mariadb-config",
      { ...volume, path: mounts.config, content: { kind: "plain", files: renderMariadbConfig(args) } },
      own,
    );
    const { schema, kamailio, asterisk, report } = this.passwords;
    const files = pulumi.all([schema, kamailio, asterisk, report, this.exporterPassword]).apply((values) => {
      const [schemaPassword, kamailioPassword, asteriskPassword, reportPassword, exporterPassword] = values;
      return renderMariadbSecrets({
        schemaPassword,
        kamailioPassword,
        asteriskPassword,
        reportPassword,
        exporterPassword,
      });
    });
    const secrets = new ConfigVolume(
      "mariadb-secrets",
      { ...volume, path: mounts.secrets, content: { kind: "live", files } },
      own,
    );
    const data = new docker.Volume(
      "mariadb-data",
      {
        name: `${defaults.prefix}-mariadb-data`,
        labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "data" }),
      },
      // Any change of a volume replaces it, and its data are gone.
      { parent: this, protect: args.protect, retainOnDelete: args.protect, ignoreChanges: ["labels"] },
    );

    const { [mounts.socket]: socketOptions, ...tmpfs } = mariadbRuntime.tmpfs;
    const socket = memoryVolume("mariadb-socket", { defaults, plane: "data", options: socketOptions }, this);
    const socketMount = { volume: socket.name, path: mounts.socket, readOnly: false };

    this.container = service(
      "mariadb",
      {
        defaults,
        role: "mariadb",
        plane: "data",
        image: mariadbImage,
        uid,
        gid,
        command: mariadbRuntime.command,
        mounts: [config.mount, secrets.mount, socketMount, { volume: data.name, path: mounts.data, readOnly: false }],
        tmpfs,
        networks: [{ network: args.networks.data, address: args.address, aliases: ["mariadb"] }],
        healthcheck: mariadbRuntime.healthcheck,
        healthSeconds: 2,
        startSeconds: 120,
        memoryMb: args.resources.memoryMb ?? args.bufferPoolMb + 320,
        cpus: args.resources.cpus,
        graceSeconds: mariadbRuntime.graceSeconds,
      },
      { parent: this, dependsOn: [config.filled, secrets.filled] },
    );
    // The server reads them itself when it starts; this is for those that change while it runs.
    this.passwordsSet = job(
      "mariadb-passwords",
      {
        defaults,
        plane: "data",
        image: mariadbImage,
        user: `${uid}:${gid}`,
        command: passwordsJobRuntime.command,
        staged: [{ path: passwordsJobRuntime.folder, files: renderPasswordsJob(), mode: "0444" }],
        mounts: [secrets.mount, socketMount],
        memoryMb: passwordsJobRuntime.memoryMb,
        trigger: secrets.hash,
      },
      { parent: this, dependsOn: [this.container, secrets.filled] },
    ).done;
    this.registerOutputs({ container: this.container.name });
  }

  /**
   * Makes or completes the tables, then makes the stack's rows exactly the given ones; rows of an operator stay. Runs again when a row
   * changes, and restarts nothing: a reload job has to follow.
   * @returns the job, and a hash of the rows.
   */
  provision(name: string, { image, rows, nodes }: ProvisionArgs): Job & { readonly hash: pulumi.Output<string> } {
    const { uid, gid, mounts, entrypoint, command, memoryMb } = databaseJobRuntime;
    const sql = rows.apply(renderRows);
    const secrets = pulumi
      .all([this.passwords.schema, sql])
      .apply(([schemaPassword, text]) => renderDatabaseJobSecrets({ schemaPassword, rows: text }));
    const provision = job(
      name,
      {
        defaults: this.args.defaults,
        plane: "data",
        image,
        user: `${uid}:${gid}`,
        command: [...entrypoint, ...command],
        staged: [
          {
            path: mounts.files,
            files: renderDatabaseJob({ host: this.args.address, retentionDays: this.args.retentionDays }),
            mode: "0444",
            uid,
            gid,
          },
          { path: mounts.secrets, files: secrets, mode: "0400", uid, gid },
        ],
        networks: [{ network: this.args.networks.data }],
        memoryMb,
      },
      { parent: this, dependsOn: [this.container, this.passwordsSet, ...nodes] },
    );
    return { ...provision, hash: pulumi.unsecret(sql.apply(contentHash)) };
  }
}
