import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { hepPort } from "../configs/heplify/index.ts";
import {
  heplifyCopy,
  heplifyRuntime,
  homerAppRuntime,
  homerDatabaseRuntime,
  homerSettingsRuntime,
  renderHeplify,
  renderHomerApp,
  renderHomerDatabase,
  renderHomerDatabaseSecrets,
  renderHomerSettings,
} from "../configs/homer/index.ts";
import type { AddressPlan, MonitoringTool } from "./addresses.ts";
import { ConfigVolume } from "./config-volume.ts";
import { labels, type ContainerDefaults } from "./container.ts";
import { image, upstreamImage } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import { job } from "./job.ts";
import { hashedPassword, password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";
import type { UpstreamTool } from "./upstream-images.ts";

/** HOMER: what is on the wire, kept and shown. A change of any value replaces the containers; traces stay. */
export interface HepCaptureArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where our own images come from. */
  readonly images: ImageSettings;
  /** Other images of the publishers' tools. */
  readonly upstream: Readonly<Partial<Record<UpstreamTool, string>>>;
  /** Which of its tools run. */
  readonly tools: ReadonlySet<MonitoringTool>;
  /** Days that messages are kept. */
  readonly retentionDays: number;
  /** GiB above which the oldest go earlier. */
  readonly maxGb: number;
  /** In prod: the volume with the messages is kept when the stack is destroyed, after its protection was lifted. */
  readonly protect: boolean;
  /** Counters: another value makes a new password. */
  readonly rotation: { readonly homerDatabase: number; readonly homer: number };
}

/** PostgreSQL, heplify-server and homer-app. */
export class HepCapture extends pulumi.ComponentResource {
  /** Password of HOMER's own user `admin`; secret. */
  public readonly password: pulumi.Output<string>;

  constructor(name: string, args: HepCaptureArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("HepCapture"), name, {}, options);
    const { addresses, defaults, networks, tools } = args;
    const own = { parent: this };
    const databasePassword = password("homer-database-password", args.rotation.homerDatabase, own);
    const login = hashedPassword("homer-password", args.rotation.homer, own);
    this.password = login.password;
    const postgres = this.database(args, databasePassword);
    const common = { defaults, plane: "monitoring" } as const;
    const legs = (tool: "heplify-server" | "homer-app") => [
      { network: networks.monitoring, address: addresses.monitoring[tool], aliases: [tool] },
      { network: networks.data, address: addresses.monitoringData[tool] },
    ];
    const database = addresses.monitoringData["homer-db"];

    // Volumes are filled by our own image: not all of the publishers' have bash.
    const volume = { ...common, image: postgres.image };
    const heplifySecrets = new ConfigVolume(
      "heplify-server-secrets",
      {
        ...volume,
        path: heplifyRuntime.mounts.secrets,
        uid: heplifyRuntime.uid,
        gid: heplifyRuntime.gid,
        content: {
          kind: "secret",
          files: databasePassword.apply((secret) =>
            renderHeplify(
              { database, retentionDays: args.retentionDays, maxGb: args.maxGb },
              { databasePassword: secret },
            ),
          ),
        },
      },
      own,
    );
    const heplifyImage = upstreamImage("heplify-server", args.upstream, own);
    const program = new docker.Volume(
      "heplify-server-program",
      {
        name: `${defaults.prefix}-heplify-server-program`,
        labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "monitoring" }),
      },
      own,
    );
    const copied = job(
      "heplify-server-copy",
      {
        ...common,
        image: heplifyImage,
        user: "0:0",
        command: heplifyCopy,
        staged: [],
        mounts: [{ volume: program.name, path: heplifyRuntime.mounts.program, readOnly: false }],
        memoryMb: 64,
      },
      own,
    );
    const collector = service(
      "heplify-server",
      {
        ...common,
        ...heplifyRuntime,
        role: "heplify-server",
        image: heplifyImage,
        mounts: [heplifySecrets.mount, { volume: program.name, path: heplifyRuntime.mounts.program }],
        networks: legs("heplify-server"),
        cpus: 1,
      },
      { parent: this, dependsOn: [heplifySecrets.filled, copied.done, postgres.container] },
    );

    if (tools.has("homer-app")) {
      const secrets = new ConfigVolume(
        "homer-app-secrets",
        {
          ...volume,
          path: homerAppRuntime.mounts.secrets,
          uid: homerAppRuntime.uid,
          gid: homerAppRuntime.gid,
          content: {
            kind: "secret",
            files: pulumi
              .all([databasePassword, this.password])
              .apply(([secret, userPassword]) => renderHomerApp(database, { databasePassword: secret, userPassword })),
          },
        },
        own,
      );
      const app = service(
        "homer-app",
        {
          ...common,
          ...homerAppRuntime,
          role: "homer",
          image: upstreamImage("homer-app", args.upstream, own),
          mounts: [secrets.mount],
          networks: legs("homer-app"),
          startSeconds: 120,
          cpus: 1,
        },
        // The collector makes the tables that it reads.
        { parent: this, dependsOn: [secrets.filled, collector] },
      );
      job(
        "homer-settings",
        {
          ...volume,
          user: `${homerDatabaseRuntime.uid}:${homerDatabaseRuntime.gid}`,
          command: homerSettingsRuntime.command,
          staged: [
            {
              path: homerSettingsRuntime.folder,
              mode: "0400",
              uid: homerDatabaseRuntime.uid,
              gid: homerDatabaseRuntime.gid,
              files: pulumi
                .all([databasePassword, login.hash])
                .apply(([secret, userHash]) => renderHomerSettings({ database, databasePassword: secret, userHash })),
            },
          ],
          networks: [{ network: networks.data }],
          memoryMb: homerSettingsRuntime.memoryMb,
          // Another version may have made its tables anew.
          trigger: app.image,
        },
        { parent: this, dependsOn: [app] },
      );
    }
    this.registerOutputs({ collector: `${addresses.monitoring["heplify-server"]}:${hepPort}/udp` });
  }

  private database(args: HepCaptureArgs, databasePassword: pulumi.Output<string>) {
    const { addresses, defaults, networks } = args;
    const { uid, gid, mounts } = homerDatabaseRuntime;
    const own = { parent: this };
    const postgresImage = image("postgres", args.images, own);
    const volume = { defaults, plane: "monitoring", image: postgresImage, uid, gid } as const;
    const address = addresses.monitoringData["homer-db"];
    const config = new ConfigVolume(
      "homer-db-config",
      {
        ...volume,
        path: mounts.config,
        content: {
          kind: "plain",
          files: renderHomerDatabase({ address, clients: addresses.networks.data.subnet }),
        },
      },
      own,
    );
    const secrets = new ConfigVolume(
      "homer-db-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "secret",
          files: databasePassword.apply((secret) => renderHomerDatabaseSecrets({ databasePassword: secret })),
        },
      },
      own,
    );
    const data = new docker.Volume(
      "homer-db-data",
      {
        name: `${defaults.prefix}-homer-db-data`,
        labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "monitoring" }),
      },
      { parent: this, protect: args.protect, retainOnDelete: args.protect, ignoreChanges: ["labels"] },
    );
    const container = service(
      "homer-db",
      {
        defaults,
        role: "homer-db",
        plane: "monitoring",
        image: postgresImage,
        uid,
        gid,
        mounts: [config.mount, secrets.mount, { volume: data.name, path: mounts.data, readOnly: false }],
        tmpfs: homerDatabaseRuntime.tmpfs,
        networks: [{ network: networks.data, address, aliases: ["homer-db"] }],
        healthcheck: homerDatabaseRuntime.healthcheck,
        startSeconds: 120,
        memoryMb: homerDatabaseRuntime.memoryMb,
        cpus: 1,
        graceSeconds: homerDatabaseRuntime.graceSeconds,
      },
      { parent: this, dependsOn: [config.filled, secrets.filled] },
    );
    return { container, image: postgresImage };
  }
}
