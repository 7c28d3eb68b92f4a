import type { types } from "@pulumi/tls";
import type { GeneralName, JsonName } from "./x509.ts";
import type { Coverage, Plain } from "../shared/properties.ts";

/** Subject of a certificate or a request; the official types for both are alike. */
export type Subject = Plain<types.input.CertRequestSubject> & Plain<types.input.SelfSignedCertSubject>;

/** Every field of a subject is covered. */
export const subjectCoverage: Coverage<Subject> = {
  commonName: true,
  country: true,
  emailAddress: true,
  locality: true,
  organization: true,
  organizationalUnit: true,
  postalCode: true,
  province: true,
  serialNumber: true,
  streetAddresses: true,
};

/** A subject as a distinguished name, in the order in which Go's crypto/x509 writes one. */
export function distinguishedName(subject: Subject = {}): JsonName {
  const attributes: [string, string | undefined][] = [
    ["2.5.4.6", subject.country],
    ["2.5.4.10", subject.organization],
    ["2.5.4.11", subject.organizationalUnit],
    ["2.5.4.7", subject.locality],
    ["2.5.4.8", subject.province],
    ...(subject.streetAddresses ?? []).map((street): [string, string] => ["2.5.4.9", street]),
    ["2.5.4.17", subject.postalCode],
    ["2.5.4.3", subject.commonName],
    ["2.5.4.5", subject.serialNumber],
    ["1.2.840.113549.1.9.1", subject.emailAddress],
  ];
  return attributes.flatMap(([oid, value]) => (value ? [{ [oid]: [value] }] : []));
}

/** Names that a certificate is valid for. */
export interface AlternativeNames {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
}

/** Alternative names in the order DNS, IP, URI. */
export function generalNames({ dnsNames = [], ipAddresses = [], uris = [] }: AlternativeNames): GeneralName[] {
  return [
    ...dnsNames.map((value): GeneralName => ({ type: "dns", value })),
    ...ipAddresses.map((value): GeneralName => ({ type: "ip", value })),
    ...uris.map((value): GeneralName => ({ type: "url", value })),
  ];
}
