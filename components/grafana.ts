import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  grafanaRuntime,
  grafanaUser,
  renderGrafanaConfig,
  renderGrafanaSecrets,
  type GrafanaConfigArgs,
} from "../configs/grafana/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { ConfigVolume } from "./config-volume.ts";
import type { ContainerDefaults } from "./container.ts";
import { image, upstreamImage } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import { password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";
import type { UpstreamTool } from "./upstream-images.ts";

/** Grafana with its dashboards. A change of any value replaces its container, and what it has in memory is gone. */
export interface GrafanaArgs extends GrafanaConfigArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where our images come from: one of them fills the volumes, for which Grafana's has no tools. */
  readonly images: ImageSettings;
  /** Other images than the publisher's. */
  readonly upstream: Readonly<Partial<Record<UpstreamTool, string>>>;
  /** Counter: another value makes a new password. */
  readonly rotation: number;
}

/** Grafana: everything that it shows comes from files. */
export class Grafana extends pulumi.ComponentResource {
  /** Once healthy. */
  public readonly container: docker.Container;
  /** Who may log in, and the password; secret. */
  public readonly login: pulumi.Output<{ user: string; password: string }>;

  constructor(name: string, args: GrafanaArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("Grafana"), name, {}, options);
    const { addresses, defaults, networks } = args;
    const { uid, gid, mounts, ...runtime } = grafanaRuntime;
    const own = { parent: this };
    const secret = password("grafana-password", args.rotation, own);
    const secretKey = password("grafana-secret-key", 0, own);
    const volume = { defaults, plane: "monitoring", image: image("nginx", args.images, own), uid, gid } as const;
    const config = new ConfigVolume(
      "grafana-config",
      { ...volume, path: mounts.config, content: { kind: "plain", files: renderGrafanaConfig(args) } },
      own,
    );
    const secrets = new ConfigVolume(
      "grafana-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "secret",
          files: pulumi
            .all([secret, secretKey])
            .apply(([adminPassword, key]) => renderGrafanaSecrets({ password: adminPassword, secretKey: key })),
        },
      },
      own,
    );
    this.container = service(
      "grafana",
      {
        ...runtime,
        defaults,
        role: "grafana",
        plane: "monitoring",
        image: upstreamImage("grafana", args.upstream, own),
        uid,
        gid,
        mounts: [config.mount, secrets.mount],
        networks: [{ network: networks.monitoring, address: addresses.monitoring.grafana, aliases: ["grafana"] }],
        // It makes its database first.
        startSeconds: 180,
        cpus: 1,
      },
      { parent: this, dependsOn: [config.filled, secrets.filled] },
    );
    this.login = pulumi.secret(secret).apply((value) => ({ user: grafanaUser, password: value }));
    this.registerOutputs({ container: this.container.name });
  }
}
