export const PRIVATE_KEY = "tls:index/privateKey:PrivateKey";
export const SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert";
export const CERT_REQUEST = "tls:index/certRequest:CertRequest";
export const LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert";

const DAY_HOURS = 24;

/** Hours of a number of days. */
export function days(count: number): number {
  return count * DAY_HOURS;
}
