import { readFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileMap } from "../configs/files.ts";
import {
  insidePorts,
  kamailioDefaults,
  kamailioRuntime,
  mutualTlsPort,
  renderKamailioConfig,
  renderKamailioSecrets,
  trunkPort,
  wssPort,
  type Ipv6Transport,
  type KamailioConfigArgs,
  type KamailioLimits,
  type SipPorts,
} from "../configs/kamailio/index.ts";
import type { MediaRelay } from "../configs/mariadb/rows.ts";
import { renderTlsProfiles } from "../configs/kamailio/tls.ts";
import { reloadJobRuntime, renderReloadJob, renderReloadJobSecrets } from "../configs/kamailio/reload.ts";
import { database } from "../configs/mariadb/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { AcmeCertificate } from "./acme-certificate.ts";
import type { Certificate, ClientAuthority } from "./certificate-authority.ts";
import type { AcmeSource } from "./certificates.ts";
import { clientFiles } from "./client-files.ts";
import { ConfigVolume, type ConfigVolumeArgs } from "./config-volume.ts";
import type { ContainerDefaults, VolumeMount } from "./container.ts";
import { contentHash } from "./content-hash.ts";
import type { ImageSettings } from "./image-pins.ts";
import { job, type Job } from "./job.ts";
import { password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service, type PublishedPort } from "./service.ts";
import { componentType } from "./types.ts";

/** The edge. A change of any value replaces its container, except where it says "reloaded live". */
export interface KamailioSbcArgs extends Pick<
  KamailioConfigArgs,
  | "callRecords"
  | "numbering"
  | "digest"
  | "signature"
  | "topologyHiding"
  | "userAgentPattern"
  | "contactsPerSubscriber"
  | "transfers"
  | "trunkLogins"
  | "children"
  | "sharedMemoryMb"
  | "packageMemoryMb"
  | "logLevel"
> {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  readonly image: docker.RemoteImage;
  /** Address on monitoring_net that may read the metrics there. Default: none may. */
  readonly metricsReader?: string | undefined;
  /** SIP domain of the subscribers and digest realm. */
  readonly domain: string;
  /** Host address that the ports are published on. */
  readonly bind: string;
  /** Host ports by transport; 0 publishes none, and makes no socket for trunks. */
  readonly ports: EdgePorts;
  /** Address that phones are told to use. Default: the container's own. */
  readonly publicAddress?: string;
  /** What listens on the stack's IPv6 address, where it has one. */
  readonly ipv6: { readonly transports: readonly Ipv6Transport[] };
  /** Limits and timers. */
  readonly limits: Readonly<KamailioLimits>;
  /** Certificate of the TLS socket, or the CA that it comes from. Reloaded live; from the one to the other replaces the container. */
  readonly certificate: Certificate | AcmeSource;
  /** Who issues the certificates that the mutual TLS port demands. Reloaded live. */
  readonly clients?: ClientAuthority;
  /** CAs of trunks that have their own: trunk → PEM. Reloaded live. */
  readonly trunkCas: Readonly<Record<string, string>>;
  /** Where the image of the ACME client comes from. */
  readonly images: ImageSettings;
  /** HTTP API that is told of registrations and calls; without a URL none is. */
  readonly events: {
    readonly url?: string;
    readonly caFile?: string;
    readonly queue: number;
    readonly maxAgeSeconds: number;
  };
  /** Password of the database's user `kamailio`, secret. */
  readonly databasePassword: pulumi.Output<string>;
  /** Job that made schema and rows, and a hash of the rows. Reloaded live. */
  readonly provision: Pick<Job, "done"> & { readonly hash: pulumi.Output<string> };
  /** The media relays, as in those rows. Reloaded live. */
  readonly relays: readonly MediaRelay[];
  /** Address on monitoring_net that a copy of every SIP message goes to. Default: none. */
  readonly hepCollector?: string | undefined;
  /** Counters: another value makes a new secret. */
  readonly rotation: { readonly opsToken: number; readonly nonceKey: number; readonly eventsKey: number };
  /** Limits of the container; default memory: shared memory + 160. */
  readonly resources: { readonly memoryMb?: number; readonly cpus: number };
}

/** Host ports: by transport, and of the sockets for devices with client certificates and for trunks, which are not there when it is 0. */
export type EdgePorts = Readonly<SipPorts & { mutualTls: number; wss: number; trunkUdp: number; trunkTcp: number }>;

/** Where the SIP sockets are, and how they are seen from outside. */
export function sipSockets(
  addresses: AddressPlan,
  { ports, publicAddress }: { readonly ports: EdgePorts; readonly publicAddress?: string | undefined },
) {
  const address = addresses.kamailio.sbc;
  const { trunkUdp, trunkTcp } = ports;
  const socket = (port: number) => (port === 0 || publicAddress !== undefined ? port : trunkPort);
  return {
    address,
    publicAddress: publicAddress ?? address,
    ports: kamailioDefaults.ports,
    publicPorts: publicAddress === undefined ? kamailioDefaults.ports : advertisedPorts(ports),
    trunkPorts: { udp: socket(trunkUdp), tcp: socket(trunkTcp) },
  };
}

interface TlsVolume {
  readonly mount: VolumeMount;
  /** Kamailio starts after it. */
  readonly ready: pulumi.Input<pulumi.Resource>;
  /** Changes with a certificate that `up` changes. */
  readonly hash: pulumi.Output<string>;
}

/** Kamailio: the only part that phones talk SIP to. */
export class KamailioSbc extends pulumi.ComponentResource {
  /** The edge, once healthy. */
  public readonly container: docker.Container;
  /** Where phones reach it, by transport, `tls6` with IPv6; undefined where prod publishes none. */
  public readonly sip: Readonly<
    Record<keyof SipPorts | "mutualTls" | "wss", string | undefined> & Partial<Record<`${Ipv6Transport}6`, string>>
  >;
  /** What the events' API checks the signatures with, as libraries for webhooks take it; secret. Undefined when no API is told. */
  public readonly eventsSecret?: pulumi.Output<string>;

  constructor(name: string, args: KamailioSbcArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("KamailioSbc"), name, {}, options);
    const { addresses, defaults, image, networks, ports, publicAddress } = args;
    const sockets = sipSockets(addresses, args);
    const { address } = sockets;
    const address6 = addresses.ipv6?.kamailio;
    const config: KamailioConfigArgs = {
      domain: args.domain,
      ...sockets,
      ...(args.hepCollector !== undefined && {
        hep: { address: addresses.kamailio.monitoring, collector: args.hepCollector },
      }),
      ...(address6 !== undefined && { ipv6: { address: address6, transports: args.ipv6.transports } }),
      opsAddress: addresses.kamailio.data,
      database: { host: addresses.mariadb, port: database.port, name: database.name, user: database.users.kamailio },
      // Jobs get their addresses from there.
      opsAllow: [addresses.networks.data.ipRange, ...("acme" in args.certificate ? [`${addresses.acme.data}/32`] : [])],
      mutualTls: ports.mutualTls === 0 || publicAddress !== undefined ? ports.mutualTls : mutualTlsPort,
      wss: ports.wss === 0 || publicAddress !== undefined ? ports.wss : wssPort,
      numbering: args.numbering,
      contactsPerSubscriber: args.contactsPerSubscriber,
      transfers: args.transfers,
      trunkLogins: args.trunkLogins,
      digest: args.digest,
      signature: args.signature,
      topologyHiding: args.topologyHiding,
      userAgentPattern: args.userAgentPattern,
      callRecords: args.callRecords,
      children: args.children,
      sharedMemoryMb: args.sharedMemoryMb,
      packageMemoryMb: args.packageMemoryMb,
      logLevel: args.logLevel,
      limits: args.limits,
      events: eventsOf(args.events),
      ...(args.metricsReader !== undefined && {
        metrics: { address: addresses.kamailio.monitoring, reader: args.metricsReader },
      }),
    };
    const runtime = kamailioRuntime(config);
    const { uid, gid, mounts } = runtime;
    const own = { parent: this };
    const opsToken = password("kamailio-ops-token", args.rotation.opsToken, own);
    const nonceSecret = password("kamailio-nonce-secret", args.rotation.nonceKey, own);
    const eventsKey =
      config.events === undefined ? undefined : password("kamailio-events-key", args.rotation.eventsKey, own);
    this.eventsSecret = eventsKey?.apply((key) => `whsec_${Buffer.from(key).toString("base64")}`);

    const volume = { defaults, plane: "edge", image, uid, gid } as const;
    const plain = new ConfigVolume(
      "kamailio-config",
      { ...volume, path: mounts.config, content: { kind: "plain", files: renderKamailioConfig(config) } },
      own,
    );
    const secrets = new ConfigVolume(
      "kamailio-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "secret",
          files: pulumi
            .all([args.databasePassword, nonceSecret, opsToken, eventsKey])
            .apply(([databasePassword, nonce, token, key]) =>
              renderKamailioSecrets(config, { databasePassword, nonceSecret: nonce, opsToken: token, eventsKey: key }),
            ),
        },
      },
      own,
    );
    const tls = this.tls(args, opsToken, { ...volume, path: mounts.tls });
    const profiles = new ConfigVolume(
      "kamailio-tls-profiles",
      {
        ...volume,
        path: mounts.profiles,
        content: { kind: "live", files: pulumi.output(renderTlsProfiles(config, args.trunkCas)) },
      },
      own,
    );
    const { clients: authority } = args;
    const clients =
      ports.mutualTls === 0 || authority === undefined
        ? []
        : [clientFiles({ defaults, image, path: mounts.clients, authority }, this)];

    this.container = service(
      "kamailio",
      {
        defaults,
        role: "kamailio",
        plane: "edge",
        image,
        uid,
        gid,
        command: runtime.command,
        mounts: [plain.mount, secrets.mount, profiles.mount, tls.mount, ...clients.map(({ mount }) => mount)],
        tmpfs: runtime.tmpfs,
        networks: [
          { network: networks.sbc, address, address6, aliases: ["kamailio"] },
          { network: networks.monitoring, address: addresses.kamailio.monitoring },
          { network: networks.data, address: addresses.kamailio.data },
        ],
        ports: publishedPorts(ports, args.bind),
        healthcheck: runtime.healthcheck,
        healthSeconds: 2,
        memoryMb: args.resources.memoryMb ?? runtime.memoryMb,
        cpus: args.resources.cpus,
        graceSeconds: runtime.graceSeconds,
      },
      {
        parent: this,
        dependsOn: [
          plain.filled,
          secrets.filled,
          profiles.filled,
          tls.ready,
          ...clients.map(({ ready }) => ready),
          args.provision.done,
        ],
      },
    );
    this.reload(args, opsToken, [{ ready: profiles.filled, hash: profiles.hash }, tls, ...clients]);

    const target = (transport: keyof SipPorts) =>
      publicAddress !== undefined && ports[transport] === 0
        ? undefined
        : `${config.publicAddress}:${sockets.publicPorts[transport]}`;
    const optional = (name: "mutualTls" | "wss") =>
      ports[name] === 0 ? undefined : `${config.publicAddress}:${config[name]}`;
    this.sip = {
      ...{ udp: target("udp"), tcp: target("tcp"), tls: target("tls") },
      ...{ mutualTls: optional("mutualTls"), wss: optional("wss") },
      ...ipv6Targets(config),
    };
    this.registerOutputs({ container: this.container.name, sip: this.sip });
  }

  /** The volume with the certificate, ready once the certificate is in it. */
  private tls(
    args: KamailioSbcArgs,
    opsToken: pulumi.Output<string>,
    volume: Omit<ConfigVolumeArgs, "content">,
  ): TlsVolume {
    const own = { parent: this };
    if ("acme" in args.certificate) {
      const { acme } = args.certificate;
      const { mount, container } = new AcmeCertificate("acme", { ...args, settings: acme, opsToken }, own);
      return { mount, ready: container, hash: pulumi.output("") };
    }
    const { chain, key, ca } = args.certificate;
    const files = pulumi.all([chain, key, ca]).apply(([server, serverKey, caPem]): FileMap => ({
      "server.pem": server,
      "server.key": serverKey,
      "ca.pem": caPem,
    }));
    const { mount, filled, hash } = new ConfigVolume(
      "kamailio-tls",
      { ...volume, content: { kind: "live", files } },
      own,
    );
    return { mount, ready: filled, hash };
  }

  /** Makes changed rows and certificates live. Only an order leads here, no property, so that nothing is replaced on its account. */
  private reload(
    args: KamailioSbcArgs,
    opsToken: pulumi.Output<string>,
    tls: readonly Pick<TlsVolume, "ready" | "hash">[],
  ): void {
    const { uid, gid, mounts, entrypoint, command, memoryMb } = reloadJobRuntime;
    job(
      "kamailio-reload",
      {
        defaults: args.defaults,
        plane: "edge",
        image: args.image,
        user: `${uid}:${gid}`,
        command: [...entrypoint, ...command],
        staged: [
          {
            path: mounts.files,
            files: renderReloadJob({ opsAddress: args.addresses.kamailio.data, relays: args.relays }),
            mode: "0444",
            uid,
            gid,
          },
          {
            path: mounts.secrets,
            files: opsToken.apply((token) => renderReloadJobSecrets({ opsToken: token })),
            mode: "0400",
            uid,
            gid,
          },
        ],
        networks: [{ network: args.networks.data }],
        memoryMb,
        trigger: pulumi.all([args.provision.hash, ...tls.map(({ hash }) => hash)]).apply(contentHash),
      },
      { parent: this, dependsOn: [this.container, ...tls.map(({ ready }) => ready), args.provision.done] },
    );
  }
}

function eventsOf({ url, caFile, ...limits }: KamailioSbcArgs["events"]): KamailioConfigArgs["events"] {
  if (url === undefined) return undefined;
  return { url, ...limits, ...(caFile !== undefined && { ca: readFileSync(caFile, "utf8") }) };
}

function ipv6Targets({ ipv6 }: KamailioConfigArgs): Partial<Record<`${Ipv6Transport}6`, string>> {
  const ports = insidePorts(kamailioDefaults);
  return Object.fromEntries(ipv6?.transports.map((name) => [`${name}6`, `[${ipv6.address}]:${ports[name]}`]) ?? []);
}

const transports = [
  ["tcp", "tcp"],
  ["udp", "udp"],
  ["tls", "tcp"],
  ["mutualTls", "tcp"],
  ["wss", "tcp"],
  ["trunkTcp", "tcp"],
  ["trunkUdp", "udp"],
] as const;

function publishedPorts(ports: EdgePorts, ip: string): PublishedPort[] {
  const inside = { ...insidePorts(kamailioDefaults), trunkTcp: trunkPort, trunkUdp: trunkPort };
  return transports.flatMap(([transport, protocol]) =>
    ports[transport] === 0 ? [] : [{ internal: inside[transport], external: ports[transport], protocol, ip }],
  );
}

/** What phones see. A closed port cannot be seen; its socket still needs a number. */
function advertisedPorts(ports: Readonly<SipPorts>): SipPorts {
  const { udp, tcp, tls } = kamailioDefaults.ports;
  return { udp: ports.udp || udp, tcp: ports.tcp || tcp, tls: ports.tls || tls };
}
