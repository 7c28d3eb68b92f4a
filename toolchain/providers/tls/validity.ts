import type { Outputs } from "../shared/resource.ts";

const hourMs = 3_600_000;

/** When a certificate holds, from now, in whole seconds. */
export function validity(hours: number, now = new Date()): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + hours * hourMs) };
}

/** A time as the official provider writes it: RFC 3339 without fractions. */
export function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Whether a certificate has come to its early renewal, or to its end. */
export function isDue(outputs: Outputs, earlyRenewalHours = 0, now = Date.now()): boolean {
  if (outputs.readyForRenewal === true) return true;
  const end = Date.parse(String(outputs.validityEndTime));
  return now >= end - earlyRenewalHours * hourMs;
}
