import { createPrivateKey, createPublicKey, webcrypto, type KeyObject } from "node:crypto";
import { curves } from "./private-key.ts";

/** A key in the form that @peculiar/x509 takes, and how to sign with it. */
export interface SigningKey {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
  readonly signingAlgorithm: { readonly name: string; readonly hash?: string };
  /** `RSA`, `ECDSA` or `ED25519`, as the provider's outputs name it. */
  readonly algorithm: string;
}

/** Loads a private key in any of the PEM forms. @throws Error saying whose key it is, never what is in it */
export async function loadKey(pem: string | undefined, property: string): Promise<SigningKey> {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem ?? "");
  } catch {
    throw new Error(`${property} holds no private key in PEM`);
  }
  const { algorithm, parameters, signingAlgorithm } = describe(key, property);
  const { subtle } = webcrypto;
  const [privateKey, publicKey] = await Promise.all([
    subtle.importKey("pkcs8", key.export({ format: "der", type: "pkcs8" }), parameters, true, ["sign"]),
    subtle.importKey("spki", createPublicKey(key).export({ format: "der", type: "spki" }), parameters, true, [
      "verify",
    ]),
  ]);
  return { privateKey, publicKey, signingAlgorithm, algorithm };
}

function describe(
  key: KeyObject,
  property: string,
): Pick<SigningKey, "algorithm" | "signingAlgorithm"> & { parameters: webcrypto.EcKeyImportParams } {
  if (key.asymmetricKeyType === "rsa") {
    const signing = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { algorithm: "RSA", signingAlgorithm: signing, parameters: { ...signing, namedCurve: "" } };
  }
  if (key.asymmetricKeyType === "ed25519") {
    const signing = { name: "Ed25519" };
    return { algorithm: "ED25519", signingAlgorithm: signing, parameters: { ...signing, namedCurve: "" } };
  }
  const namedCurve = key.asymmetricKeyDetails?.namedCurve ?? "";
  const [, curve = ""] = Object.entries(opensslNames).find(([name]) => name === namedCurve) ?? [];
  if (curve === "") {
    throw new Error(
      `${property}: ${namedCurve || key.asymmetricKeyType} is not covered; ${Object.keys(curves).join(", ")} are`,
    );
  }
  const hash = { "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" }[curve];
  return {
    algorithm: "ECDSA",
    signingAlgorithm: { name: "ECDSA", ...(hash && { hash }) },
    parameters: { name: "ECDSA", namedCurve: curve },
  };
}

const opensslNames: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};
