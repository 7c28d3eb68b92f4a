import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { CertificateAuthority, type Certificate } from "./certificate-authority.ts";
import type { AcmeSource } from "./certificates.ts";
import type { Config } from "./config-parse.ts";
import { parseAddress } from "./ipv4.ts";

/**
 * The certificate of the front door: the operator's own for it, else the operator's for SIP in prod, else one of a CA that the dashboards have
 * for themselves, so that whoever trusts it in a browser trusts no more than that.
 */
export function dashboardCertificate(
  config: Config,
  sip: Certificate | AcmeSource,
  parent: pulumi.Resource,
): Certificate {
  const { certificates, monitoring, name, prod, rotation } = config;
  const { chainFile, keyFile } = monitoring;
  if (chainFile !== undefined && keyFile !== undefined) {
    const [chain, key] = [readFileSync(chainFile, "utf8"), readFileSync(keyFile, "utf8")];
    return { chain: pulumi.output(chain), key: pulumi.secret(key), ca: pulumi.output("") };
  }
  if (prod && !("acme" in sip)) return sip;
  const authority = new CertificateAuthority(
    "dashboards-ca",
    {
      organization: `${name} dashboards`,
      validityDays: certificates.validityDays,
      renewDays: certificates.renewDays,
      rotation: rotation.certificates.ca,
    },
    { parent },
  );
  const hosts = [...monitoring.names, monitoring.bind];
  const hostNames = hosts.filter((host) => parseAddress(host) === undefined);
  return authority.server("nginx-tls", {
    dnsNames: [hostNames[0] ?? "localhost", ...hostNames.slice(1)],
    ipAddresses: [...new Set(hosts.filter((host) => parseAddress(host) !== undefined))],
    rotation: rotation.certificates.server,
  });
}
