import type { Policy } from "../mariadb/rows.ts";

/**
 * What holds for the media of a phone, by its ingress: `off` neither offers nor takes SRTP, `optional` offers it and takes either
 * (RFC 8643), `required` offers and takes nothing else.
 */
export const srtpRules = ["off", "optional", "required"] as const;
export type SrtpRule = (typeof srtpRules)[number];

/** The rules as the edge looks them up, by the name of the socket, `tls6` with IPv6: `ingress.tls.srtp` → `required`. */
export function mediaPolicy({ srtp }: { readonly srtp: Readonly<Record<string, SrtpRule>> }): Policy {
  return Object.fromEntries(
    Object.entries(srtp).flatMap(([ingress, rule]) =>
      [ingress, `${ingress}6`].map((socket) => [`ingress.${socket}.srtp`, rule] as const),
    ),
  );
}
