import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { DeviceRow } from "../configs/mariadb/rows.ts";
import { CertificateAuthority, type ClientAuthority } from "./certificate-authority.ts";
import type { Config } from "./config-parse.ts";

/** What is installed in a device. */
export interface DeviceCertificate {
  /** The certificate, PEM. */
  readonly certificate: pulumi.Output<string>;
  /** Its private key, PEM; secret. */
  readonly key: pulumi.Output<string>;
}

/** The devices of a stack that prove who they are by a certificate. */
export interface Devices {
  /** Name → certificate and key. */
  readonly certificates: Readonly<Record<string, DeviceCertificate>>;
  /** Rows for those that are let in. */
  readonly rows: pulumi.Output<readonly DeviceRow[]>;
  /** What the mutual TLS port checks certificates with; undefined where there are none, and no port. */
  readonly authority: ClientAuthority | undefined;
}

/**
 * A CA of the stack's own for devices, whatever the certificate of the server comes from, and a client certificate for each device. A new device
 * leaves the others' alone.
 */
export function devices(config: Config): Devices {
  const { certificates, edge, rotation } = config;
  if (config.devices.length === 0 && edge.ports.mutualTls === 0) {
    return { certificates: {}, rows: pulumi.output([]), authority: undefined };
  }
  const ca = new CertificateAuthority("device-ca", {
    organization: `${config.name} devices`,
    validityDays: certificates.validityDays,
    renewDays: certificates.renewDays,
    rotation: rotation.certificates.devices,
  });
  const issued = config.devices.map((device) => ({
    ...device,
    ...ca.client(`device-${device.name}`, { name: device.name, keyId, rotation: device.rotation }),
  }));
  const rows = issued
    .filter(({ revoked }) => !revoked)
    .map(({ name, subscriber, publicKey }) =>
      publicKey.apply((pem): DeviceRow => ({
        name,
        keyId: keyId(pem),
        ...(subscriber !== undefined && { subscriber }),
      })),
    );
  const revoked = issued.filter((device) => device.revoked).map(({ certificate }) => certificate);
  return {
    certificates: Object.fromEntries(issued.map(({ name, certificate, key }) => [name, { certificate, key }])),
    rows: pulumi.all(rows),
    authority: ca.clients(pulumi.all(revoked)),
  };
}

/** Fingerprint of a public key: of the same key it is the same in a renewed certificate. */
function keyId(publicKey: string): string {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, 32);
}
