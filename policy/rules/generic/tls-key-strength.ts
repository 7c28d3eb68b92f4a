import { UNKNOWN } from "../../lib/properties.ts";
import { nistTls } from "../../lib/frameworks.ts";
import { resourceRule } from "../../lib/rule.ts";
import { PRIVATE_KEY } from "../../lib/tls.ts";

export const tlsKeyStrength = resourceRule(
  [PRIVATE_KEY],
  {
    name: "tls-key-strength",
    displayName: "Strong keys",
    description:
      "A private key is RSA of 3072 bits or more, ECDSA on P-256 or larger, or Ed25519: the provider's defaults (P-224, 2048 bits) are below what is recommended today.",
    level: "mandatory",
    severity: "high",
    framework: nistTls("3.2", "Server keys and certificates"),
    tags: ["tls", "production:tls"],
    remediationSteps: 'Set `algorithm: "ECDSA", ecdsaCurve: "P256"` (or P384), or `algorithm: "RSA", rsaBits: 3072`.',
  },
  ({ props }, _settings, report) => {
    const algorithm = props.string("algorithm");
    if (algorithm === "RSA") {
      const bits = props.number("rsaBits");
      if (bits !== UNKNOWN && !(Number(bits) >= 3072)) report(`The RSA key has ${bits ?? "2048 (the default)"} bits.`);
    } else if (algorithm === "ECDSA") {
      const curve = props.string("ecdsaCurve");
      if (curve !== UNKNOWN && !["P256", "P384", "P521"].includes(curve ?? ""))
        report(`The curve is ${curve ?? "P224 (the default)"}.`);
    } else if (algorithm !== UNKNOWN && algorithm !== "ED25519") {
      report("The algorithm is none of RSA, ECDSA and ED25519.");
    }
  },
);
