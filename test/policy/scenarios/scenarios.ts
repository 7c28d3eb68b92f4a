import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { job, labels, service, staged } from "./hardened.ts";

/** A program that breaks one rule. */
export interface Scenario {
  /** How many Asterisk nodes the stack has; 2 when absent. */
  readonly nodes?: number;
  /** Adds the resources that break the rule. */
  readonly add: (name: string) => void;
  /** The resource that is reported, where it is not the one of the scenario's name. */
  readonly at?: string;
  /** Breaks a relation of the whole stack, or two rules when it stands beside others: previewed by itself. */
  readonly alone?: boolean;
  /** Why the stand-in of the Docker plugin refuses it before the pack sees it; the official plugin does not. */
  readonly refusedByStandIn?: string;
}

const container = (change: Partial<docker.ContainerArgs>): Scenario => ({ add: (name) => void service(name, change) });
const oneShot = (change: Partial<docker.ContainerArgs>): Scenario => ({ add: (name) => void job(name, change) });
const port = (internal: number, external: number, rest: object = {}) => ({
  ports: [{ internal, external, ip: "127.0.0.1", protocol: "tcp", ...rest }],
});
/** Port 5061/tcp of the edge is the one that policy config allows. */
const edge = (change: Partial<docker.ContainerArgs>) => ({ labels: labels("kamailio", "edge"), ...change });

function leaf(name: string, change: Partial<tls.LocallySignedCertArgs> = {}): void {
  const caKey = new tls.PrivateKey(`${name}-ca`, { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const ca = new tls.SelfSignedCert(`${name}-ca`, {
    privateKeyPem: caKey.privateKeyPem,
    isCaCertificate: true,
    allowedUses: ["cert_signing"],
    validityPeriodHours: 87600,
    earlyRenewalHours: 8760,
    subject: { commonName: "scenario CA" },
  });
  const request = new tls.CertRequest(name, {
    privateKeyPem: caKey.privateKeyPem,
    dnsNames: ["sip.example.org"],
    subject: { commonName: "sip.example.org" },
  });
  new tls.LocallySignedCert(name, {
    certRequestPem: request.certRequestPem,
    caPrivateKeyPem: caKey.privateKeyPem,
    caCertPem: ca.certPem,
    allowedUses: ["digital_signature", "server_auth"],
    validityPeriodHours: 8760,
    earlyRenewalHours: 720,
    ...change,
  });
}

/**
 * One violating program for each rule, by the rule's name. A rule that only a deployed stack can break (tls-not-due) is broken by
 * an exported state instead.
 */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "container-no-privileged": container({ privileged: true }),
  "container-drop-all-capabilities": container({ capabilities: { drops: ["CAP_NET_RAW"] } }),
  "container-capability-allowlist": container({ capabilities: { drops: ["ALL"], adds: ["CAP_NET_ADMIN"] } }),
  "container-no-new-privileges": container({ securityOpts: [] }),
  "container-no-unconfined": container({ securityOpts: ["no-new-privileges:true", "seccomp=unconfined"] }),
  "container-no-host-namespaces": container({ pidMode: "host" }),
  "container-no-host-network": container({ networkMode: "host", networksAdvanced: undefined }),
  "container-no-docker-socket": container({
    volumes: [{ hostPath: "/srv/engine/docker.sock", containerPath: "/docker.sock", readOnly: true }],
  }),
  "container-no-sensitive-bind": container({
    volumes: [{ hostPath: "/etc", containerPath: "/host/etc", readOnly: true }],
  }),
  "container-bind-readonly": container({ volumes: [{ hostPath: "/srv/sbc", containerPath: "/srv", readOnly: false }] }),
  "container-no-shared-propagation": container({
    mounts: [
      { type: "bind", source: "/srv/sbc", target: "/srv", readOnly: true, bindOptions: { propagation: "rshared" } },
    ],
  }),
  "container-no-devices": {
    ...container({ devices: [{ hostPath: "/dev/snd" }] }),
    refusedByStandIn: "it does not cover `devices`",
  },
  "container-nonroot-user": container({ user: "root" }),
  "container-readonly-rootfs": container({ readOnly: false }),
  "container-readonly-without-uploads": {
    ...container(staged("/etc/app.conf", "a = b")),
    refusedByStandIn: "it refuses such uploads itself",
  },
  "container-memory-and-cpu-limit": container({ memory: undefined, memorySwap: undefined }),
  "container-process-limits": container({ ulimits: [] }),
  "container-healthcheck": container({ healthcheck: undefined }),
  "container-restart-policy": container({ restart: "no" }),
  "container-log-rotation": container({ logOpts: { "max-size": "10m" } }),
  "container-grace-period": container({ destroyGraceSeconds: undefined }),
  "container-replace-order": {
    add: (name) =>
      void new docker.Container(name, { ...jobArgs(name), name: "scenario-fixed" }, { deleteBeforeReplace: false }),
  },
  "container-role-labels": container({ labels: labels("web", "edge").slice(0, 1) }),
  "job-one-shot": oneShot({ attach: false }),
  "ports-allowlist": container(port(8443, 8443)),
  "ports-control-plane-never-published": container(edge(port(22222, 5061))),
  "ports-explicit-bind": container(edge(port(5061, 5061, { ip: "0.0.0.0" }))),
  "ports-privileged-allowlist": container({ labels: labels("dns", "edge"), ...port(8053, 53) }),
  "ports-rtp-range-budget": container({
    labels: labels("media", "media"),
    ports: Array.from({ length: 41 }, (_, index) => ({
      internal: 40000 + index,
      external: 40000 + index,
      ip: "127.0.0.1",
      protocol: "udp",
    })),
  }),
  "image-digest-pinned": {
    add: (name) => void new docker.RemoteImage(name, { name: "nginx:1.29", keepLocally: true }),
  },
  "image-registry-allowlist": {
    add: (name) =>
      void new docker.RemoteImage(name, {
        name: `quay.io/x/y:1@sha256:${"0123456789abcdef".repeat(4)}`,
        keepLocally: true,
      }),
  },
  "image-min-version": {
    add: (name) =>
      void new docker.RemoteImage(name, {
        name: `docker.io/x/asterisk:18.9.0@sha256:${"0123456789abcdef".repeat(4)}`,
        keepLocally: true,
      }),
  },
  "env-no-plaintext-secret": container({ envs: ["DATABASE_PASSWORD=hunter2hunter2"] }),
  "env-no-credential-url": container({ envs: ["DATABASE_URL=mysql://user:hunter2@mariadb/kamailio"] }),
  "uploads-secret-mode": oneShot(staged("/stage/server.key", "not a key")),
  "no-known-default-credential": oneShot(staged("/stage/app.conf", "login = admin:admin")),
  "network-no-default-bridge": container({ networksAdvanced: [] }),
  "network-monitoring-internal": {
    add: (name) =>
      void new docker.Network(
        name,
        { name: "scenario-metrics", labels: labels("network", "monitoring") },
        { deleteBeforeReplace: true },
      ),
  },
  "tls-key-strength": { add: (name) => void new tls.PrivateKey(name, { algorithm: "RSA", rsaBits: 2048 }) },
  "tls-leaf-shape": { add: (name) => leaf(name, { validityPeriodHours: 43800 }) },
  "tls-no-self-signed-in-prod": { add: () => leaf("kamailio-cert"), at: "kamailio-cert" },
  "random-credentials": { add: (name) => void new random.RandomPassword(name, { length: 8 }) },
  "stack-published-on-reachable-net": {
    add: (name) => {
      const inner = new docker.Network(name, { name: "scenario-inner", internal: true });
      service(name, edge({ ...port(5061, 5061), networksAdvanced: [{ name: inner.name }] }));
    },
  },
  "stack-monitoring-isolated": container({ labels: labels("exporter", "monitoring") }),
  "stack-db-private-and-persistent": {
    add: (name) => {
      const data = new docker.Volume(name, { name: "scenario-homer-db" });
      service(name, {
        labels: labels("homer-db", "data"),
        volumes: [{ volumeName: data.name, containerPath: "/var/lib/postgresql" }],
      });
    },
  },
  "stack-cdr-persistent": {
    at: "stack-cdr-persistent-2",
    add: (name) => {
      const shared = new docker.Volume(name, { name: "scenario-shared" }, { protect: true });
      const volumes = [{ volumeName: shared.name, containerPath: "/shared" }];
      service(`${name}-1`, { volumes });
      service(`${name}-2`, { volumes });
    },
  },
  "stack-dashboards-behind-auth": {
    ...container({ labels: labels("kibana", "data") }),
    at: "policy-scenarios-test",
    alone: true,
  },
  "stack-min-redundancy": { nodes: 1, add: () => undefined, at: "asterisk-1", alone: true },
  "kamailio-config-hardened": oneShot(staged("/stage/tls.cfg", "[server:default]\nmethod = TLSv1\n")),
};

function jobArgs(name: string): docker.ContainerArgs {
  return {
    name,
    image: `sha256:${"0123456789abcdef".repeat(4)}`,
    labels: labels("job", "edge"),
    user: "4101:4101",
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: 64,
    cpus: "0.5",
    restart: "no",
    mustRun: false,
    attach: true,
    logDriver: "local",
    networkMode: "none",
  };
}
