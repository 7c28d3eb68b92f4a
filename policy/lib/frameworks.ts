import type { PolicyComplianceFramework } from "@pulumi/policy";

/** An item of the CIS Docker Benchmark. */
export function cisDocker(reference: string, specification: string): PolicyComplianceFramework {
  return { name: "CIS Docker Benchmark", version: "1.7.0", reference, specification };
}

/** A rule of the OWASP Docker Security Cheat Sheet. */
export function owaspDocker(reference: string, specification: string): PolicyComplianceFramework {
  return { name: "OWASP Docker Security Cheat Sheet", version: "2026", reference, specification };
}

/** A requirement of NIST SP 800-52, the guideline on TLS. */
export function nistTls(reference: string, specification: string): PolicyComplianceFramework {
  return { name: "NIST SP 800-52", version: "Rev. 2", reference, specification };
}

/** A requirement of NIST SP 800-63B, on passwords and other authenticators. */
export function nistPasswords(reference: string, specification: string): PolicyComplianceFramework {
  return { name: "NIST SP 800-63B", version: "4", reference, specification };
}

/** A production rule of this stack; `reference` names the part of docs/policies/README.md that holds it. */
export function production(reference: string, specification: string): PolicyComplianceFramework {
  return { name: "kamailio-sbc production rules", version: "1", reference, specification };
}
