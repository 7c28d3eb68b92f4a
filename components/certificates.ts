import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { AcmeSettings } from "./acme-certificate.ts";
import type { AddressPlan } from "./addresses.ts";
import { CertificateAuthority, type Certificate } from "./certificate-authority.ts";
import type { Config } from "./config-parse.ts";
import { describeProblems } from "./config-problems.ts";
import { parseAddress } from "./ipv4.ts";
import { readProvidedCertificate } from "./provided-certificate.ts";

/** A certificate that the stack's own client obtains from an ACME CA. */
export interface AcmeSource {
  readonly acme: AcmeSettings;
  /** The CA that phones have to trust; empty: a public one. */
  readonly ca: pulumi.Output<string>;
}

/**
 * The certificate of the TLS socket: of a private CA, the operator's own, or where it comes from.
 * @throws RunError when the operator's cannot be used.
 */
export function serverCertificate(config: Config, addresses: AddressPlan): Certificate | AcmeSource {
  const { certificates, domain, edge, rotation } = config;
  if (certificates.mode === "provided") return provided(config);
  if (certificates.mode === "acme") return acme(config);
  const authority = new CertificateAuthority("ca", {
    organization: config.name,
    validityDays: certificates.validityDays,
    renewDays: certificates.renewDays,
    rotation: rotation.certificates.ca,
  });
  // Phones may be told any of them as outbound proxy.
  const named = [edge.publicAddress, edge.bind, addresses.kamailio.sbc, ...certificates.names].filter(
    (name) => name !== undefined && parseAddress(name) !== undefined,
  );
  const ipAddresses = [...named, addresses.ipv6?.kamailio].filter((name) => name !== undefined);
  const hostNames = certificates.names.filter((name) => parseAddress(name) === undefined && name !== domain);
  return authority.server("kamailio-tls", {
    dnsNames: [domain, ...hostNames],
    ipAddresses: [...new Set(ipAddresses)],
    rotation: rotation.certificates.server,
  });
}

function acme({ certificates, domain, prod }: Config): AcmeSource {
  const { acme: settings, names, minDays, caFile } = certificates;
  const { email = "", directory, directoryCaFile, httpPort, dnsProvider = "", dnsCredentials, dnsResolvers } = settings;
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file, "utf8"));
  return {
    acme: {
      names: [domain, ...names.filter((name) => name !== domain)],
      email,
      directory,
      directoryCa: read(directoryCaFile),
      challenge:
        settings.challenge === "http-01"
          ? { type: "http-01" }
          : { type: "dns-01", provider: dnsProvider, resolvers: dnsResolvers },
      minDays,
      httpPort,
      dnsCredentials,
      protect: prod,
    },
    ca: pulumi.output(read(caFile) ?? ""),
  };
}

function provided({ certificates, domain, edge }: Config): Certificate {
  const { names, minDays } = certificates;
  const result = readProvidedCertificate(certificates, { domain, names, minDays, publicAddress: edge.publicAddress });
  if ("problems" in result) throw new pulumi.RunError(describeProblems(result.problems, pulumi.getStack()));
  for (const warning of result.warnings) void pulumi.log.warn(warning);
  const { chain, key, ca } = result.certificate;
  return { chain: pulumi.output(chain), key: pulumi.secret(key), ca: pulumi.output(ca) };
}
