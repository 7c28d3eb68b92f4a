import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  acmeRuntime,
  challengePort,
  renderAcmeConfig,
  renderAcmeSecrets,
  type AcmeConfigArgs,
} from "../configs/acme/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { ConfigVolume } from "./config-volume.ts";
import { labels, type ContainerDefaults, type VolumeMount } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";

/** What is asked of an ACME CA: part of the stack's configuration. A change replaces the ACME client, never Kamailio. */
export interface AcmeSettings extends Omit<AcmeConfigArgs, "opsAddress"> {
  /** Host port that leads to the client's answer to HTTP-01 challenges; not published for DNS-01. */
  readonly httpPort: number;
  /** Settings of the DNS provider, secret. */
  readonly dnsCredentials: Readonly<Record<string, string>>;
  /** Keeps account and certificate when the stack is destroyed: CAs limit how often they issue the same one. */
  readonly protect: boolean;
}

/** Where the client runs and whom it tells. */
export interface AcmeCertificateArgs {
  /** What is asked of which CA. */
  readonly settings: AcmeSettings;
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where the client's image comes from. */
  readonly images: ImageSettings;
  /** Host address that the challenge's port is published on. */
  readonly bind: string;
  /** Bearer token of Kamailio's ops listener. */
  readonly opsToken: pulumi.Output<string>;
}

/**
 * A certificate from an ACME CA, in a volume, and the client that renews it there and has Kamailio reload it. Healthy once there is one,
 * so that whoever waits for the client starts with it.
 */
export class AcmeCertificate extends pulumi.ComponentResource {
  /** The client, once it has a certificate. */
  public readonly container: docker.Container;
  /** The certificate, for the mounts of Kamailio. */
  public readonly mount: VolumeMount;

  constructor(name: string, args: AcmeCertificateArgs, options: pulumi.ComponentResourceOptions) {
    super(componentType("AcmeCertificate"), name, {}, options);
    const { addresses, defaults, networks, settings } = args;
    const { uid, gid, mounts } = acmeRuntime;
    const own = { parent: this };
    const acmeImage = image("acme", args.images, own);
    const volume = { defaults, plane: "edge", image: acmeImage, uid, gid } as const;
    const files = renderAcmeConfig({ ...settings, opsAddress: addresses.kamailio.data });
    const config = new ConfigVolume(
      "acme-config",
      { ...volume, path: mounts.config, content: { kind: "plain", files } },
      own,
    );
    const secrets = new ConfigVolume(
      "acme-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "secret",
          files: pulumi
            .all([args.opsToken, pulumi.secret(settings.dnsCredentials)])
            .apply(([opsToken, dnsCredentials]) => renderAcmeSecrets({ opsToken, dnsCredentials })),
        },
      },
      own,
    );
    const marks = { labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "edge" }) };
    const state = new docker.Volume(
      "acme-state",
      { name: `${defaults.prefix}-acme-state`, ...marks },
      // Any change of a volume replaces it, and the account is gone.
      { ...own, protect: settings.protect, retainOnDelete: settings.protect, ignoreChanges: ["labels"] },
    );
    // Only a copy of what is in the state. Written by the client, read by Kamailio.
    const tls = new docker.Volume(
      "acme-tls",
      { name: `${defaults.prefix}-acme-tls`, ...marks },
      { ...own, deleteBeforeReplace: true },
    );

    const published = { internal: challengePort, external: settings.httpPort, protocol: "tcp", ip: args.bind } as const;
    this.container = service(
      "acme",
      {
        defaults,
        role: "acme",
        plane: "edge",
        image: acmeImage,
        uid,
        gid,
        mounts: [
          config.mount,
          secrets.mount,
          { volume: state.name, path: mounts.state, readOnly: false },
          { volume: tls.name, path: mounts.tls, readOnly: false },
        ],
        tmpfs: acmeRuntime.tmpfs,
        networks: [
          // The way to the CA, and the CA's way back.
          { network: networks.sbc, address: addresses.acme.sbc },
          // The way to Kamailio's ops listener.
          { network: networks.data, address: addresses.acme.data },
        ],
        ports: settings.challenge.type === "http-01" ? [published] : [],
        healthcheck: acmeRuntime.healthcheck,
        healthSeconds: 5,
        // The first certificate: the CA looks at every name, and DNS records take their time.
        startSeconds: 300,
        memoryMb: acmeRuntime.memoryMb,
        cpus: 1,
        graceSeconds: acmeRuntime.graceSeconds,
      },
      { parent: this, dependsOn: [config.filled, secrets.filled] },
    );
    this.mount = { volume: tls.name, path: mounts.tls };
    this.registerOutputs({ container: this.container.name });
  }
}
