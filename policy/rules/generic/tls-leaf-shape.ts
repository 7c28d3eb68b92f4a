import { UNKNOWN } from "../../lib/properties.ts";
import { nistTls } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import type { Member } from "../../lib/stack.ts";
import { CERT_REQUEST, LOCALLY_SIGNED } from "../../lib/tls.ts";
import { Properties } from "../../lib/properties.ts";

interface Settings {
  readonly maxValidityHours: number;
  readonly minRenewalHours: number;
}

export const tlsLeafShape = stackRule<Settings>(
  {
    name: "tls-leaf-shape",
    displayName: "Leaf certificates are leaves",
    description:
      "A server certificate names its hosts, is no CA, lives a bounded time and is renewed early: a leaf that can sign is a second CA, one without names is refused by clients, one that is renewed late expires in the night.",
    level: "mandatory",
    severity: "high",
    framework: nistTls("3.2.1", "Server certificate profile"),
    tags: ["tls", "production:tls"],
    remediationSteps:
      "Set `dnsNames` or `ipAddresses` on its CertRequest, `isCaCertificate: false`, `validityPeriodHours` and `earlyRenewalHours` inside the bounds.",
    settings: {
      // 398 days is what browsers take from private roots too; 30 days leave room for a person to act.
      maxValidityHours: {
        default: 398 * 24,
        schema: { type: "number", minimum: 1, description: "Longest life of a leaf." },
      },
      minRenewalHours: {
        default: 30 * 24,
        schema: { type: "number", minimum: 0, description: "Least time before expiry at which a run renews it." },
      },
    },
  },
  (stack, settings, report) => {
    for (const certificate of stack.ofType(LOCALLY_SIGNED)) {
      const server = certificate.props.strings("allowedUses").items.includes("server_auth");
      const authority = certificate.props.boolean("isCaCertificate") === true;
      if (authority && server) report("A server certificate is marked as a CA.", certificate);
      if (authority) continue;
      if (server && hasNames(certificate) === false) report("The server certificate names no host.", certificate);
      const validity = certificate.props.number("validityPeriodHours");
      const renewal = certificate.props.number("earlyRenewalHours");
      if (typeof validity === "number" && validity > settings.maxValidityHours) {
        report(`The certificate lives ${validity} hours, longer than ${settings.maxValidityHours}.`, certificate);
      }
      if (renewal === UNKNOWN) continue;
      if (renewal === undefined || renewal < settings.minRenewalHours) {
        report(
          `The certificate is renewed ${renewal ?? 0} hours before expiry, less than ${settings.minRenewalHours}.`,
          certificate,
        );
      } else if (typeof validity === "number" && renewal >= validity) {
        report("The certificate is due for renewal from its first hour.", certificate);
      }
    }
  },
);

/** Undefined when the certificate's request is not part of the stack. */
function hasNames(certificate: Member): boolean | undefined {
  const request = certificate.dependencies["certRequestPem"]?.find((resource) => resource.type === CERT_REQUEST);
  if (request === undefined) return undefined;
  const props = new Properties(request.props);
  const lists = [props.strings("dnsNames"), props.strings("ipAddresses"), props.strings("uris")];
  return lists.some((list) => list.items.length > 0 || !list.complete);
}
