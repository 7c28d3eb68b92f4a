import { nistTls } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import { LOCALLY_SIGNED, SELF_SIGNED, days } from "../../lib/tls.ts";

export const tlsNotDue = stackRule<{ days: number }>(
  {
    name: "tls-not-due",
    displayName: "No certificate near expiry",
    description:
      "No certificate of the stack is about to expire: one that is renewed late takes every TLS call down at once.",
    level: "advisory",
    severity: "high",
    framework: nistTls("3.2", "Server keys and certificates"),
    tags: ["tls", "nightly", "production:tls"],
    remediationSteps: "Run `npm run up`: it renews every certificate inside its renewal window.",
    settings: {
      days: {
        default: 14,
        schema: { type: "number", minimum: 0, description: "Days before expiry at which a certificate is due." },
      },
    },
  },
  (stack, settings, report) => {
    const limit = Date.now() + days(settings.days) * 3_600_000;
    for (const certificate of [...stack.ofType(LOCALLY_SIGNED), ...stack.ofType(SELF_SIGNED)]) {
      const end = certificate.props.string("validityEndTime");
      if (typeof end === "string" && Date.parse(end) < limit) report(`The certificate expires at ${end}.`, certificate);
      else if (certificate.props.boolean("readyForRenewal") === true)
        report("The certificate is inside its renewal window.", certificate);
    }
  },
);
