import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
  type X509Certificate,
} from "@peculiar/x509";

cryptoProvider.set(webcrypto);

const dayMs = 86_400_000;
const algorithms = {
  "P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "RSA-2048": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: exponent(), hash: "SHA-256" },
  "RSA-1024": { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: exponent(), hash: "SHA-256" },
  "RSA-2048-SHA1": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: exponent(), hash: "SHA-1" },
  Ed25519: { name: "Ed25519" },
} as const;

/** What a certificate made for a test is like. */
export interface CertificateOptions {
  /** Subject alternative names. Default: none. */
  names?: readonly string[];
  addresses?: readonly string[];
  /** Days until it expires; negative: expired. Default 90. */
  days?: number;
  /** Days until it becomes valid. Default -1. */
  fromDays?: number;
  key?: keyof typeof algorithms;
  usage?: "server" | "client";
  ca?: boolean;
}

/** A certificate with its key, and with those that signed it. */
export interface TestCertificate {
  readonly pem: string;
  readonly der: Buffer;
  readonly keyPem: string;
  readonly keyDer: Buffer;
  /** Itself, then its issuers up to (without) the root. */
  readonly chain: string;
  /** The root that it leads to. */
  readonly root: string;
  /** Makes a certificate that this one signs. */
  issue(commonName: string, options?: CertificateOptions): Promise<TestCertificate>;
}

/** A private root CA. */
export function testAuthority(commonName: string, options: CertificateOptions = {}): Promise<TestCertificate> {
  return make(commonName, { ca: true, days: 3650, ...options });
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly hash: string;
  readonly chain: string;
  readonly root: string;
}

async function make(commonName: string, options: CertificateOptions, issuer?: Issuer): Promise<TestCertificate> {
  const { names = [], addresses = [], days = 90, fromDays = -1, key = "P-256", usage = "server", ca = false } = options;
  const algorithm = algorithms[key];
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const hash = "hash" in algorithm ? algorithm.hash : "SHA-256";
  const signing = { hash: issuer?.hash ?? hash } as { hash: string };
  const alternatives = [
    ...names.map((value) => ({ type: "dns", value }) as const),
    ...addresses.map((value) => ({ type: "ip", value }) as const),
  ];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomBytes(8).toString("hex").replace(/^./, "1"),
    subject: `CN=${commonName}`,
    issuer: issuer?.certificate.subject ?? `CN=${commonName}`,
    notBefore: new Date(Date.now() + fromDays * dayMs),
    notAfter: new Date(Date.now() + days * dayMs),
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    signingAlgorithm: { name: (issuer?.key ?? keys.privateKey).algorithm.name, ...signing },
    extensions: [
      new BasicConstraintsExtension(ca, undefined, true),
      ...(ca ? [new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)] : []),
      ...(ca
        ? []
        : [
            new ExtendedKeyUsageExtension([
              usage === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
            ]),
          ]),
      ...(alternatives.length > 0 ? [new SubjectAlternativeNameExtension(alternatives)] : []),
    ],
  });
  const keyDer = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const pem = `${certificate.toString("pem")}\n`;
  const chain = issuer === undefined ? "" : pem + issuer.chain;
  const root = issuer?.root ?? pem;
  return {
    pem,
    der: Buffer.from(certificate.rawData),
    keyPem: `${PemConverter.encode(new Uint8Array(keyDer).buffer, PemConverter.PrivateKeyTag)}\n`,
    keyDer,
    chain,
    root,
    issue: (name, more = {}) => make(name, more, { certificate, key: keys.privateKey, hash, chain, root }),
  };
}

function exponent(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([1, 0, 1]);
}
