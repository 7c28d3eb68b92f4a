import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import { LOCALLY_SIGNED, SELF_SIGNED } from "../../lib/tls.ts";

interface Settings {
  readonly publicServers: readonly string[];
}

export const tlsNoSelfSignedInProd = stackRule<Settings>(
  {
    name: "tls-no-self-signed-in-prod",
    displayName: "Valid certificates in production",
    description:
      "In production Kamailio and Homer show a certificate that the operator brings or that ACME issues: one that the stack signs itself is trusted by no phone, and teaches people to click warnings away.",
    level: "mandatory",
    severity: "critical",
    framework: production("tls", "Valid TLS certificates for Kamailio and Homer"),
    tags: ["tls", "production:tls"],
    remediationSteps:
      "Bring the certificate and key (docs: configuration of `tls`), or switch ACME on; keep SelfSignedCert for the private CA of client certificates.",
    settings: {
      publicServers: {
        default: ["kamailio", "homer", "nginx"],
        schema: { type: "array", items: { type: "string" }, description: "Roles that the world talks to by TLS." },
      },
    },
  },
  (stack, { publicServers }, report) => {
    for (const certificate of stack.ofType(SELF_SIGNED)) {
      if (certificate.props.boolean("isCaCertificate") === true) continue;
      report("A self-signed certificate is used, and not as a CA.", certificate);
    }
    for (const certificate of stack.ofType(LOCALLY_SIGNED)) {
      if (!certificate.props.strings("allowedUses").items.includes("server_auth")) continue;
      const server = publicServers.find((role) => certificate.name.split(/[^a-z0-9]+/i).includes(role));
      if (server !== undefined) report(`The certificate of ${server} is signed by the stack's own CA.`, certificate);
    }
  },
);
