import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import type { ConfigProblem } from "./config-problems.ts";
import { parseAddress } from "./ipv4.ts";

/** Where the operator's certificate is: the text itself, or a file. The values of `sbc:certificates`. */
export interface ProvidedCertificateArgs {
  readonly chain?: string;
  readonly chainFile?: string;
  readonly key?: string;
  readonly keyFile?: string;
  /** CAs that phones have to trust. Default: what the chain ends with, or the public root that signed it. */
  readonly caFile?: string;
}

/** What the certificate has to be good for. */
export interface CertificateDemands {
  /** SIP domain: phones look for it in the certificate (RFC 5922 §7.1). */
  readonly domain: string;
  /** Further names and IPv4 addresses that it has to cover. */
  readonly names: readonly string[];
  /** Address in Record-Route: a warning when it is not covered. */
  readonly publicAddress?: string;
  /** Days that must be left of it. */
  readonly minDays: number;
}

/** The operator's certificate, PEM. */
export interface ProvidedCertificate {
  /** The certificates alone, the server's first. */
  readonly chain: string;
  readonly key: string;
  readonly ca: string;
}

/** A certificate that can be used, with what may trouble some phones, or all that is wrong with it. */
export type ProvidedResult =
  | { readonly certificate: ProvidedCertificate; readonly warnings: readonly string[] }
  | { readonly problems: readonly ConfigProblem[] };

/** One of the three inputs: its place in the configuration and its bytes. */
interface Input {
  readonly path: readonly string[];
  /** File name; undefined when the text itself is configured. */
  readonly file?: string;
  readonly bytes: Buffer;
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const dayMs = 86_400_000;
/** What Kamailio and phones of the last ten years both take. */
const curves: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };
const minRsaBits = 2048;
/** Extended key usages that a TLS server may have (RFC 5280 §4.2.1.12): serverAuth, anyExtendedKeyUsage. */
const serverUsages = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/**
 * Reads the operator's certificate and checks it before anything is created: format, order and completeness of the chain, names,
 * dates, strength, usage, and that the key belongs to it. Shows no key.
 */
export function readProvidedCertificate(
  args: ProvidedCertificateArgs,
  demands: CertificateDemands,
  now: Date = new Date(),
): ProvidedResult {
  const problems: ConfigProblem[] = [];
  const chainInput = input("chain", args.chain, args.chainFile, problems);
  const keyInput = input("key", args.key, args.keyFile, problems);
  const caInput = args.caFile === undefined ? undefined : input("ca", undefined, args.caFile, problems);
  const chain = chainInput && certificatesIn(chainInput, problems);
  const anchors = caInput && certificatesIn(caInput, problems);
  const key = keyInput && privateKey(keyInput, problems);

  const leaf = chain?.[0];
  let ca: readonly X509Certificate[] = [];
  if (chainInput !== undefined && chain !== undefined && leaf !== undefined) {
    const report = reporter(chainInput, problems);
    if (leaf.ca && !selfSigned(leaf)) {
      report(
        `begins with the CA ${describe(leaf)}; the server's certificate must come first, then the CA that signed it, and so on`,
      );
      return { problems };
    }
    checkDates(chain, demands.minDays, now, report);
    checkNames(leaf, demands, report);
    checkStrength(chain, report);
    checkUsage(leaf, report);
    if (caInput === undefined || anchors !== undefined) ca = checkChain(chain, anchors, args.caFile, report);
    if (keyInput !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
      const problem = `is the key of another certificate than ${describe(leaf)}; it must be the key that this certificate was requested with`;
      problems.push(problemAt(keyInput, problem));
    }
  }
  if (problems.length > 0 || chain === undefined || leaf === undefined || keyInput === undefined) return { problems };
  return {
    certificate: { chain: pem(chain), key: keyInput.bytes.toString("utf8"), ca: pem(ca) },
    warnings: warnings(leaf, demands),
  };
}

type Report = (problem: string, command?: string) => void;

function checkDates(chain: readonly X509Certificate[], minDays: number, now: Date, report: Report): void {
  for (const certificate of chain) {
    const { validFromDate, validToDate } = certificate;
    if (validFromDate > now) {
      report(
        `holds ${describe(certificate)}, which is valid only from ${date(validFromDate)} on; it must be valid now`,
      );
    } else if (validToDate < now) {
      report(
        `holds ${describe(certificate)}, which expired on ${date(validToDate)}; it must be valid, so renew it first`,
      );
    } else if (validToDate.getTime() - now.getTime() < minDays * dayMs) {
      const left = Math.floor((validToDate.getTime() - now.getTime()) / dayMs);
      report(
        `holds ${describe(certificate)}, which expires in ${left} days (${date(validToDate)}); at least ${minDays} ` +
          "(sbc:certificates.minDays) must be left, so renew it first",
      );
    }
  }
}

function checkNames(leaf: X509Certificate, { domain, names }: CertificateDemands, report: Report): void {
  const wanted = [["sbc:domain", domain] as const, ...names.map((name) => ["sbc:certificates.names", name] as const)];
  for (const [key, name] of wanted) {
    if (!covers(leaf, name)) {
      report(
        `is for ${leaf.subjectAltName ?? "no name at all"}; the subject alternative names must cover ${name} (${key})`,
      );
    }
  }
}

function checkStrength(chain: readonly X509Certificate[], report: Report): void {
  for (const certificate of chain) {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
    const rsa = type === "rsa" || type === "rsa-pss";
    const strong = rsa ? (details?.modulusLength ?? 0) >= minRsaBits : (details?.namedCurve ?? "") in curves;
    if (!strong) {
      const size = rsa ? `RSA with ${details?.modulusLength} bits` : (details?.namedCurve ?? type ?? "unknown");
      report(
        `holds ${describe(certificate)} with a key that is too weak or that phones do not know (${size}); ` +
          `it must be RSA with at least ${minRsaBits} bits, or EC on ${Object.values(curves).join(", ")}`,
      );
    }
    // Known since Node 24.9. The signature of a root plays no part in trust.
    const { signatureAlgorithm: signature = "" } = certificate as { signatureAlgorithm?: string };
    if (/sha1|md5/i.test(signature) && !selfSigned(certificate)) {
      report(
        `holds ${describe(certificate)}, signed with ${signature}, which OpenSSL refuses; it must be SHA-256 or better`,
      );
    }
  }
}

function checkUsage(leaf: X509Certificate, report: Report): void {
  // The SDK's name for the extended key usages; undefined when the certificate does not limit them.
  const usages = leaf.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.some((usage) => serverUsages.includes(usage))) {
    report(`is not for servers (extended key usage ${usages.join(", ")}); it must allow TLS server authentication`);
  }
}

/** Checks order and completeness. @returns what phones have to trust. */
function checkChain(
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[] | undefined,
  caFile: string | undefined,
  report: Report,
): readonly X509Certificate[] {
  const [leaf, ...issuers] = chain;
  const last = chain.at(-1);
  if (leaf === undefined || last === undefined) return [];
  if (issuers.length === 0 && selfSigned(leaf)) {
    report(
      "is self-signed, so no phone could verify it; it must be issued by a CA, whose own certificate can be the last one",
    );
    return [];
  }
  const stray = issuers.findIndex((issuer, index) => !issued(issuer, chain[index]));
  if (stray >= 0) {
    const child = chain[stray] ?? leaf;
    const elsewhere = chain.some((other) => issued(other, child));
    report(
      elsewhere
        ? `is out of order: ${describe(child)} must be followed by the CA that signed it`
        : `has ${describe(issuers[stray] ?? leaf)} after ${describe(child)}, which it did not sign; ${missing(child)}`,
    );
    return [];
  }
  if (anchors !== undefined) {
    if (!anchors.some((anchor) => issued(anchor, last) || anchor.fingerprint256 === last.fingerprint256)) {
      report(`does not lead to a CA in sbc:certificates.caFile ${caFile}; ${missing(last)}`);
    }
    return anchors;
  }
  if (selfSigned(last)) return [last];
  const root = publicRoot(last);
  if (root === undefined) {
    report(
      `ends with ${describe(last)}, which no public CA signed; ${missing(last)}, or name a private CA's certificate by sbc:certificates.caFile`,
    );
  }
  return root === undefined ? [] : [root];
}

function missing(certificate: X509Certificate): string {
  return `the chain must hold every CA up to the root's, and ${nameOf(certificate.issuer)} is missing: CAs call that file "fullchain"`;
}

/** The public CA, of those that Node knows, that signed a certificate. */
function publicRoot(certificate: X509Certificate): X509Certificate | undefined {
  for (const text of rootCertificates) {
    const root = new X509Certificate(text);
    if (issued(root, certificate)) return root;
  }
  return undefined;
}

function issued(issuer: X509Certificate, certificate: X509Certificate | undefined): boolean {
  return certificate !== undefined && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

const selfSigned = (certificate: X509Certificate) => issued(certificate, certificate);

function warnings(leaf: X509Certificate, { domain, publicAddress }: CertificateDemands): string[] {
  return [
    ...(leaf.checkHost(domain, { subject: "never", wildcards: false }) === undefined
      ? [`the certificate covers ${domain} by a wildcard only; phones that follow RFC 5922 §7.2 refuse that`]
      : []),
    ...(publicAddress !== undefined && !covers(leaf, publicAddress)
      ? [
          `the certificate does not cover sbc:edge.publicAddress ${publicAddress}; phones must be set up with the domain, and one that ` +
            "opens a second TLS connection during a call may refuse it",
        ]
      : []),
  ];
}

function covers(leaf: X509Certificate, name: string): boolean {
  if (parseAddress(name) !== undefined) return leaf.checkIP(name) !== undefined;
  return leaf.checkHost(name, { subject: "never" }) !== undefined;
}

function input(
  what: "chain" | "key" | "ca",
  text: string | undefined,
  file: string | undefined,
  problems: ConfigProblem[],
): Input | undefined {
  if (text !== undefined) return { path: ["certificates", what], bytes: Buffer.from(text) };
  const path = ["certificates", `${what}File`];
  if (file === undefined) {
    problems.push({ path, problem: "is required with sbc:certificates.mode provided; it must be a PEM file" });
    return undefined;
  }
  try {
    return { path, file, bytes: readFileSync(file) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    problems.push({ path, value: file, problem: `cannot be read (${code}); it must be a PEM file that you may read` });
    return undefined;
  }
}

function certificatesIn(from: Input, problems: ConfigProblem[]): X509Certificate[] | undefined {
  const report = reporter(from, problems);
  const text = from.bytes.toString("utf8");
  if (isBinary(from.bytes)) {
    const file = from.file ?? "FILE";
    if (parsed(from.bytes) === undefined) {
      report(
        "is neither PEM nor a certificate; it must be PEM text",
        `openssl pkcs12 -in ${file} -nokeys -out ${file}.pem`,
      );
    } else report("is DER; it must be PEM text", `openssl x509 -inform der -in ${file} -out ${file}.pem`);
    return undefined;
  }
  if (text.includes("PRIVATE KEY-----")) {
    // The chain is no secret: it stands in the state and in previews.
    report("holds a private key too; it must hold certificates only, and the key goes to sbc:certificates.keyFile");
    return undefined;
  }
  const blocks = text.match(certificateBlock) ?? [];
  const certificates = blocks.flatMap((block) => parsed(block) ?? []);
  if (blocks.length === 0) report("holds no certificate; it must be PEM text with -----BEGIN CERTIFICATE----- in it");
  else if (certificates.length < blocks.length)
    report("holds a certificate that cannot be read; it must be whole PEM text");
  return certificates.length > 0 && certificates.length === blocks.length ? certificates : undefined;
}

function privateKey(from: Input, problems: ConfigProblem[]): KeyObject | undefined {
  const report = reporter(from, problems);
  const file = from.file ?? "FILE";
  const text = from.bytes.toString("utf8");
  if (isBinary(from.bytes)) {
    report(
      "is not PEM; it must be PEM text without a passphrase",
      `openssl pkey -inform der -in ${file} -out ${file}.pem`,
    );
  } else if (text.includes("ENCRYPTED")) {
    // Also the old form, with its "Proc-Type: 4,ENCRYPTED".
    report(
      "needs a passphrase, which nobody could type at a restart; it must have none",
      `openssl pkey -in ${file} -out ${file}.pem`,
    );
  } else if (!text.includes("PRIVATE KEY-----")) {
    report("holds no private key; it must be PEM text with -----BEGIN PRIVATE KEY----- in it");
  } else {
    try {
      return createPrivateKey(text);
    } catch {
      report("holds a private key that cannot be read; it must be whole PEM text");
    }
  }
  return undefined;
}

function reporter(from: Input, problems: ConfigProblem[]): Report {
  return (problem, command) => problems.push(problemAt(from, problem, command));
}

function problemAt({ path, file }: Input, problem: string, command?: string): ConfigProblem {
  return {
    path,
    problem,
    // Of the text itself neither the value nor an example is shown: it is long, or secret.
    ...(file === undefined ? { example: "< FILE.pem" } : { value: file, example: file }),
    ...(command !== undefined && file !== undefined && { command }),
  };
}

function parsed(certificate: string | Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/** ASN.1 begins with a SEQUENCE; text never holds a zero byte. */
const isBinary = (bytes: Buffer) => bytes[0] === 0x30 || bytes.includes(0);
const pem = (certificates: readonly X509Certificate[]) => certificates.map(String).join("");
const date = (at: Date) => at.toISOString().slice(0, 10);
const describe = ({ subject, serialNumber }: X509Certificate) => `"${nameOf(subject ?? `serial ${serialNumber}`)}"`;

/** `C=…\nO=…\nCN=x` → `x`. */
function nameOf(distinguished: string): string {
  return /^CN=(.+)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll("\n", ", ");
}
