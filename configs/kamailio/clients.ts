import { readFileSync } from "node:fs";
import type { FileMap } from "../files.ts";

/** What the job that fills the volume of the mutual TLS port needs, PEM. */
export interface ClientsJobSecrets {
  /** Certificate of the device CA. */
  ca: string;
  /** Its private key, which signs the list of revoked certificates; it stays out of the volume. */
  caKey: string;
  /** Certificates of devices that are revoked. */
  revoked: readonly string[];
}

/** How the one-shot container runs: in the Kamailio image, which has OpenSSL, as root without any capability, and without a network. */
export const clientsJobRuntime = {
  command: ["/bin/bash", "/etc/sbc/job/clients.sh", "/volume"],
  mounts: { files: "/etc/sbc/job", secrets: "/run/secrets", volume: "/volume" },
  memoryMb: 64,
} as const;

/** The plain files of the job, for `/etc/sbc/job`. */
export function renderClientsJob(): FileMap {
  return { "clients.sh": readFileSync(new URL("jobs/clients.sh", import.meta.url), "utf8") };
}

/** The secret files of the job, for `/run/secrets`. */
export function renderClientsJobSecrets({ ca, caKey, revoked }: ClientsJobSecrets): FileMap {
  return {
    "ca.pem": ca,
    "ca.key": caKey,
    ...Object.fromEntries(revoked.map((certificate, index) => [`revoked-${index + 1}.pem`, certificate])),
  };
}
