import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

interface Variant {
  readonly prefix: string;
  readonly image: string;
  readonly memory: number;
  readonly restart: string;
}

const { prefix, image, memory, restart } = JSON.parse(process.env.CONFORMANCE_VARIANT ?? "{}") as Variant;
const name = (thing: string): string => `${prefix}-${thing}`;

const password = new random.RandomPassword("password", { length: 30, special: false });
const identifier = new random.RandomId("identifier", { byteLength: 4, prefix: "id-" });
const caKey = new tls.PrivateKey("caKey", { algorithm: "ECDSA", ecdsaCurve: "P384" });
const ca = new tls.SelfSignedCert("ca", {
  privateKeyPem: caKey.privateKeyPem,
  subject: { commonName: "Conformance CA", organization: "Conformance" },
  allowedUses: ["cert_signing", "crl_signing"],
  isCaCertificate: true,
  validityPeriodHours: 48,
  earlyRenewalHours: 1,
});
const key = new tls.PrivateKey("key", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const request = new tls.CertRequest("request", {
  privateKeyPem: key.privateKeyPem,
  subject: { commonName: "edge.example" },
  dnsNames: ["edge.example"],
  ipAddresses: ["10.93.10.2"],
  uris: ["sip:edge.example"],
});
const certificate = new tls.LocallySignedCert("certificate", {
  certRequestPem: request.certRequestPem,
  caCertPem: ca.certPem,
  caPrivateKeyPem: caKey.privateKeyPem,
  allowedUses: ["digital_signature", "server_auth"],
  validityPeriodHours: 24,
});

const built = new docker.RemoteImage("image", {
  name: `${prefix}:built`,
  build: { context: "context", buildArgs: { WORD: "built" } },
  triggers: { context: "1" },
});
const network = new docker.Network("network", {
  name: name("net"),
  ipamConfigs: [{ subnet: "10.93.10.0/24", gateway: "10.93.10.1", ipRange: "10.93.10.128/25" }],
});
const inner = new docker.Network("inner", {
  name: name("inner"),
  internal: true,
  ipamConfigs: [{ subnet: "10.93.11.0/24" }],
});
const volume = new docker.Volume("volume", { name: name("data") });
new docker.Volume("spareVolume", { name: name("spare") });
new docker.Network("spareNetwork", { name: name("spare"), ipamConfigs: [{ subnet: "10.93.12.0/24" }] });

const job = new docker.Container("job", {
  name: name("job"),
  image: built.imageId,
  entrypoints: ["bash", "-ec"],
  command: [
    'cp /in/secret /data/secret; chown 1000:1000 /data/secret; chmod 0400 /data/secret; stat -c "%n %a %u:%g" /in/*; ' +
      "cat /in/text /in/binary /etc/word; echo to-stderr >&2",
  ],
  uploads: [
    { file: "/in/secret", content: password.result, permissions: "0400", owner: "1000", group: "2000" },
    { file: "/in/text", content: "text\n" },
    { file: "/in/binary", contentBase64: Buffer.from("binary\n").toString("base64") },
    { file: "/in/tool", content: "#!/bin/sh\n", executable: true },
  ],
  volumes: [{ volumeName: volume.name, containerPath: "/data" }],
  networkMode: "none",
  restart: "no",
  mustRun: false,
  attach: true,
  logs: true,
});
const failingJob = new docker.Container("failingJob", {
  name: name("failing"),
  image,
  entrypoints: ["bash", "-c"],
  command: ["echo reason; exit 3"],
  networkMode: "none",
  restart: "no",
  mustRun: false,
  attach: true,
  logs: true,
});

const forever = "trap 'exit 0' TERM; while :; do sleep 0.2; done";
const service = new docker.Container(
  "service",
  {
    name: name("service"),
    image: built.imageId,
    command: ["bash", "-c", forever],
    user: "1000:1000",
    readOnly: true,
    capabilities: { drops: ["ALL"], adds: ["CAP_NET_BIND_SERVICE"] },
    securityOpts: ["no-new-privileges"],
    networkMode: "bridge",
    networksAdvanced: [
      { name: network.name, ipv4Address: "10.93.10.2", aliases: ["edge"] },
      { name: inner.name, ipv4Address: "10.93.11.2" },
    ],
    hosts: [{ host: "peer", ip: "10.93.10.9" }],
    volumes: [{ volumeName: volume.name, containerPath: "/data", readOnly: true }],
    tmpfs: { "/run/state": "uid=1000,gid=1000,mode=0750,size=4m" },
    ulimits: [{ name: "nofile", soft: 1000, hard: 2000 }],
    memory,
    memorySwap: memory,
    cpus: "0.5",
    restart,
    logDriver: "json-file",
    logOpts: { "max-size": "1m", "max-file": "2" },
    envs: ["PLAIN=1"],
    labels: [{ label: "job", value: job.exitCode.apply(String) }],
    healthcheck: { tests: ["CMD", "test", "-r", "/data/secret"], interval: "1s", timeout: "2s", retries: 3 },
    wait: true,
    waitTimeout: 30,
    destroyGraceSeconds: 5,
  },
  { deleteBeforeReplace: true },
);
new docker.Container("stoppable", {
  name: name("stoppable"),
  image,
  command: ["bash", "-c", forever],
  networkMode: "none",
});

export const secretPassword = password.result;
export const secretHash = password.bcryptHash;
export const secretKeyPem = caKey.privateKeyPem;
export const identifierHex = identifier.hex;
export const certPem = certificate.certPem;
export const caPem = ca.certPem;
export const jobExit = job.exitCode;
export const jobLogs = job.containerLogs;
export const failingExit = failingJob.exitCode;
export const failingLogs = failingJob.containerLogs;
export const addresses = service.networkDatas;
