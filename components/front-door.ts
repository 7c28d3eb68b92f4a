import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileMap } from "../configs/files.ts";
import { nginxRuntime, renderNginxConfig, renderNginxSecrets, type Site } from "../configs/nginx/index.ts";
import { prometheusPort } from "../configs/prometheus/index.ts";
import type { AddressPlan } from "./addresses.ts";
import type { Certificate } from "./certificate-authority.ts";
import { ConfigVolume } from "./config-volume.ts";
import type { ContainerDefaults } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import { password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";

/** The front door of the dashboards. A change of any value replaces its container, except where it says "live". */
export interface FrontDoorArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where the service image comes from. */
  readonly images: ImageSettings;
  /** What is behind it; `outside` is the port on the host. */
  readonly sites: readonly (Site & { readonly outside: number })[];
  /** The files of the landing page. */
  readonly landing: FileMap;
  /** Host address that the ports are published on. */
  readonly bind: string;
  /** Certificate that browsers see. Live. */
  readonly certificate: Pick<Certificate, "chain" | "key">;
  /** CA of the tools that speak TLS themselves, PEM; needed with such a site. Live. */
  readonly toolsCa?: pulumi.Output<string>;
  /** Who may come in. Live. */
  readonly user: string;
  /** Counter: another value makes a new password. Live. */
  readonly rotation: number;
}

/** nginx: the only container of the monitoring plane that publishes anything; TLS and a password in front of every tool. */
export class FrontDoor extends pulumi.ComponentResource {
  /** Once healthy. */
  public readonly container: docker.Container;
  /** Secret. */
  public readonly password: pulumi.Output<string>;

  constructor(name: string, args: FrontDoorArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("FrontDoor"), name, {}, options);
    const { addresses, defaults, networks, sites } = args;
    const { uid, gid, mounts } = nginxRuntime;
    const own = { parent: this };
    this.password = password("dashboards-password", args.rotation, own);
    // A salt of its own, so that the hash is the same at every run.
    const salt = password("dashboards-salt", args.rotation, own);
    const address = addresses.monitoring.nginx;
    const nginxImage = image("nginx", args.images, own);
    const volume = { defaults, plane: "monitoring", image: nginxImage, uid, gid } as const;

    const config = new ConfigVolume(
      "nginx-config",
      {
        ...volume,
        path: mounts.config,
        content: {
          kind: "plain",
          files: renderNginxConfig({
            sites,
            address,
            exporter: addresses.monitoring["nginx-exporter"],
            prometheus: `prometheus:${prometheusPort}`,
          }),
        },
      },
      own,
    );
    const landing = new ConfigVolume(
      "nginx-landing",
      { ...volume, path: mounts.landing, content: { kind: "plain", files: args.landing } },
      own,
    );
    const secrets = new ConfigVolume(
      "nginx-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "live",
          files: pulumi
            .all([this.password, salt])
            .apply(([secret, salted]) =>
              renderNginxSecrets({ user: args.user, password: secret, salt: salted.slice(0, 22) }),
            ),
        },
      },
      own,
    );
    const tls = new ConfigVolume(
      "nginx-tls",
      {
        ...volume,
        path: mounts.tls,
        content: {
          kind: "live",
          files: pulumi
            .all([args.certificate.chain, args.certificate.key, args.toolsCa])
            .apply(([chain, key, ca]): FileMap => ({
              "server.pem": chain,
              "server.key": key,
              ...(ca !== undefined && { "tools-ca.pem": ca }),
            })),
        },
      },
      own,
    );

    this.container = service(
      "nginx",
      {
        defaults,
        role: "nginx",
        plane: "monitoring",
        image: nginxImage,
        uid,
        gid,
        mounts: [config.mount, landing.mount, secrets.mount, tls.mount],
        tmpfs: nginxRuntime.tmpfs,
        networks: [
          ...(networks.front === undefined ? [] : [{ network: networks.front }]),
          { network: networks.monitoring, address, aliases: ["nginx"] },
        ],
        ports: sites.map(({ port, outside }) => ({
          internal: port,
          external: outside,
          protocol: "tcp" as const,
          ip: args.bind,
        })),
        healthcheck: nginxRuntime.healthcheck,
        memoryMb: nginxRuntime.memoryMb,
        cpus: 1,
        graceSeconds: nginxRuntime.graceSeconds,
      },
      { parent: this, dependsOn: [config.filled, landing.filled, secrets.filled, tls.filled] },
    );
    this.registerOutputs({ container: this.container.name });
  }
}
