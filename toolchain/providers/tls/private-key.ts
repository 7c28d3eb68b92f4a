import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { PrivateKeyArgs } from "@pulumi/tls";
import type { Plain } from "../shared/properties.ts";
import { resource, type Problem } from "../shared/resource.ts";
import { isUnknown } from "../shared/unknown.ts";

type Inputs = Plain<PrivateKeyArgs>;

const generate = promisify(generateKeyPair);

/** Key algorithms by their names in Terraform and Pulumi. */
export const keyAlgorithms: readonly string[] = ["RSA", "ECDSA", "ED25519"];
/** Curves by those names, with the names that WebCrypto has for them (it has none for P224, Terraform's default). */
export const curves: Readonly<Record<string, string>> = { P256: "P-256", P384: "P-384", P521: "P-521" };

/** A private key in PEM. The outputs in OpenSSH's format are not covered: nothing here speaks SSH. */
export const privateKey = resource<Inputs>({
  computed: ["ecdsaCurve", "privateKeyPem", "privateKeyPemPkcs8", "publicKeyPem", "rsaBits"],
  properties: {
    algorithm: { change: "replace", covers: true },
    ecdsaCurve: { change: "replace", covers: true, computed: true },
    rsaBits: { change: "replace", covers: true, computed: true },
  },

  problems({ algorithm, ecdsaCurve }): readonly Problem[] {
    if (!isUnknown(algorithm) && !keyAlgorithms.includes(algorithm)) {
      return [{ property: "algorithm", reason: `must be one of ${keyAlgorithms.join(", ")}, not "${algorithm}"` }];
    }
    if (algorithm !== "ECDSA" || isUnknown(ecdsaCurve)) return [];
    if (ecdsaCurve !== undefined && Object.hasOwn(curves, ecdsaCurve)) return [];
    return [
      { property: "ecdsaCurve", reason: `must be one of ${Object.keys(curves).join(", ")} (P224 is not covered)` },
    ];
  },

  async create({ algorithm, ecdsaCurve, rsaBits = 2048 }) {
    const { privateKey, publicKey } = await keyPair(algorithm, ecdsaCurve, rsaBits);
    const publicKeyPem = pem(publicKey, "spki");
    return {
      id: hashOf(publicKeyPem),
      outputs: {
        privateKeyPem: pem(privateKey, traditionalFormat[algorithm] ?? "pkcs8"),
        privateKeyPemPkcs8: pem(privateKey, "pkcs8"),
        publicKeyPem,
        ...(algorithm === "RSA" && { rsaBits }),
      },
    };
  },
});

/** The identity that the official provider gives to keys and requests. */
export function hashOf(pem: string): string {
  return createHash("sha1").update(pem.trim()).digest("hex");
}

/** What comes behind BEGIN: "RSA PRIVATE KEY", "EC PRIVATE KEY"; an ED25519 key has PKCS#8 only. */
const traditionalFormat: Readonly<Record<string, "pkcs1" | "sec1">> = { RSA: "pkcs1", ECDSA: "sec1" };

function keyPair(
  algorithm: string,
  curve: string | undefined,
  rsaBits: number,
): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (algorithm === "RSA") return generate("rsa", { modulusLength: rsaBits });
  if (algorithm === "ED25519") return generate("ed25519");
  return generate("ec", { namedCurve: curves[curve ?? ""] ?? "" });
}

function pem(key: KeyObject, type: "pkcs1" | "sec1" | "pkcs8" | "spki"): string {
  return key.export({ format: "pem", type } as { format: "pem"; type: "pkcs8" }).toString();
}
