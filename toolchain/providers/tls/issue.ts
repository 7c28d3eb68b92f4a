import { randomBytes, type webcrypto } from "node:crypto";
import type { Actual } from "../shared/resource.ts";
import type { CertificateInputs } from "./certificate.ts";
import { extendedKeyUsages, keyUsages } from "./key-usages.ts";
import type { SigningKey } from "./keys.ts";
import { timestamp, validity } from "./validity.ts";
import * as x509 from "./x509.ts";

/** What the two kinds of certificate decide themselves. */
export interface Issue {
  readonly subject: x509.JsonName;
  readonly issuer: x509.JsonName;
  readonly publicKey: webcrypto.CryptoKey | x509.PublicKey;
  readonly signer: SigningKey;
  readonly alternativeNames: readonly x509.GeneralName[];
  /** Key whose identifier goes into the authority key identifier. */
  readonly authority?: webcrypto.CryptoKey | x509.PublicKey;
}

/** Signs a certificate for `inputs`. */
export async function issue(inputs: CertificateInputs, issue: Issue): Promise<Actual<never>> {
  const { notBefore, notAfter } = validity(inputs.validityPeriodHours);
  const isCa = inputs.isCaCertificate ?? false;
  // RFC 5280 4.1.2.2: positive, at most 20 bytes. The two top bits are fixed so that it is 16 bytes in any encoding.
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);

  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(isCa, isCa ? inputs.maxPathLength : undefined, true),
    ...usages(inputs.allowedUses),
  ];
  if (issue.alternativeNames.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension([...issue.alternativeNames]));
  }
  // Like Go's crypto/x509, a CA certificate always carries its key's identifier.
  if (isCa || inputs.setSubjectKeyId) extensions.push(await x509.SubjectKeyIdentifierExtension.create(issue.publicKey));
  if (issue.authority) extensions.push(await x509.AuthorityKeyIdentifierExtension.create(issue.authority));

  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString("hex"),
    subject: issue.subject,
    issuer: issue.issuer,
    notBefore,
    notAfter,
    publicKey: issue.publicKey,
    signingKey: issue.signer.privateKey,
    signingAlgorithm: issue.signer.signingAlgorithm,
    extensions,
  });
  return {
    id: BigInt(`0x${serial.toString("hex")}`).toString(),
    outputs: {
      certPem: `${certificate.toString("pem")}\n`,
      validityStartTime: timestamp(notBefore),
      validityEndTime: timestamp(notAfter),
      readyForRenewal: false,
    },
  };
}

function usages(allowedUses: readonly string[]): x509.Extension[] {
  const flags = allowedUses.reduce((sum, use) => sum | (keyUsages[use] ?? 0), 0);
  const purposes = allowedUses.flatMap((use) => extendedKeyUsages[use] ?? []);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(purposes)]),
  ];
}
