import type { Outputs, Problem, Resource } from "../shared/resource.ts";
import { isUnknown } from "../shared/unknown.ts";
import { extendedKeyUsages, keyUsages } from "./key-usages.ts";
import { isDue } from "./validity.ts";

/** Arguments that every certificate resource has. */
export interface CertificateInputs {
  readonly allowedUses: readonly string[];
  readonly validityPeriodHours: number;
  readonly earlyRenewalHours?: number;
  readonly isCaCertificate?: boolean;
  readonly maxPathLength?: number;
  readonly setSubjectKeyId?: boolean;
}

/** How every certificate resource behaves beside its creation. */
export const certificateBehaviour = {
  problems({ allowedUses }: CertificateInputs): readonly Problem[] {
    if (!Array.isArray(allowedUses)) return [];
    return allowedUses
      .filter((use) => !isUnknown(use) && !Object.hasOwn(keyUsages, use) && !Object.hasOwn(extendedKeyUsages, use))
      .map((use) => ({ property: "allowedUses", reason: `"${use}" is no key usage that is covered` }));
  },
  expired: ({ earlyRenewalHours }: CertificateInputs, outputs: Outputs) =>
    isDue(outputs, earlyRenewalHours) ? ["readyForRenewal"] : [],
  read: async (id: string, { earlyRenewalHours }: CertificateInputs, outputs: Outputs) => ({
    id,
    outputs: { readyForRenewal: isDue(outputs, earlyRenewalHours) },
  }),
} satisfies Partial<Resource<CertificateInputs>>;

/** Changes of the arguments that every certificate resource has. */
export const certificateProperties = {
  allowedUses: { change: "replace", covers: true, set: true },
  validityPeriodHours: { change: "replace", covers: true },
  isCaCertificate: { change: "replace", covers: true, default: false },
  maxPathLength: { change: "replace", covers: true },
  setSubjectKeyId: { change: "replace", covers: true, default: false },
  earlyRenewalHours: { change: "update", covers: true, default: 0 },
} as const;
