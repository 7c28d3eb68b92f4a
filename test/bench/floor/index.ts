import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

/** Cheapest resource of each kind that a provider really creates. */
const makers: Record<string, (name: string) => pulumi.Resource> = {
  "docker:index/volume:Volume": (name) => new docker.Volume(name, {}),
  "docker:index/network:Network": (name) => new docker.Network(name, { driver: "bridge" }),
  "docker:index/remoteImage:RemoteImage": (name) => new docker.RemoteImage(name, { name: image, keepLocally: true }),
  "docker:index/container:Container": (name) =>
    new docker.Container(name, { image, command: ["true"], networkMode: "none", mustRun: false }),
  "random:index/randomPassword:RandomPassword": (name) => new random.RandomPassword(name, { length: 32 }),
  "random:index/randomId:RandomId": (name) => new random.RandomId(name, { byteLength: 8 }),
  "random:index/randomBytes:RandomBytes": (name) => new random.RandomBytes(name, { length: 32 }),
  "tls:index/privateKey:PrivateKey": (name) => new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }),
  "tls:index/selfSignedCert:SelfSignedCert": (name) =>
    new tls.SelfSignedCert(name, {
      privateKeyPem: key().privateKeyPem,
      validityPeriodHours: 24,
      allowedUses: ["cert_signing"],
      isCaCertificate: true,
    }),
  "tls:index/certRequest:CertRequest": (name) => new tls.CertRequest(name, { privateKeyPem: key().privateKeyPem }),
  "tls:index/locallySignedCert:LocallySignedCert": (name) =>
    new tls.LocallySignedCert(name, {
      caCertPem: ca().certPem,
      caPrivateKeyPem: key().privateKeyPem,
      certRequestPem: request().certRequestPem,
      validityPeriodHours: 24,
      allowedUses: ["server_auth"],
    }),
};

const config = new pulumi.Config("floor");
const image = config.require("image");
const kinds = config.requireObject<Record<string, number>>("kinds");
const made = new Map<string, pulumi.Resource>();

function key(): tls.PrivateKey {
  return made.get("tls:index/privateKey:PrivateKey-0") as tls.PrivateKey;
}
function ca(): tls.SelfSignedCert {
  return made.get("tls:index/selfSignedCert:SelfSignedCert-0") as tls.SelfSignedCert;
}
function request(): tls.CertRequest {
  return made.get("tls:index/certRequest:CertRequest-0") as tls.CertRequest;
}

for (const [type, maker] of Object.entries(makers)) {
  for (let index = 0; index < (kinds[type] ?? 0); index++) {
    made.set(`${type}-${index}`, maker(`${type.replace(/^.*:/, "").toLowerCase()}-${index}`));
  }
}
for (const [type, count] of Object.entries(kinds)) {
  if (type in makers || type === "pulumi:pulumi:Stack") continue;
  if (!type.startsWith("sbc:")) throw new Error(`the floor program has no maker for ${type}: add one`);
  for (let index = 0; index < count; index++) {
    new pulumi.ComponentResource(type, `${type.replace(/^.*:/, "").toLowerCase()}-${index}`);
  }
}
