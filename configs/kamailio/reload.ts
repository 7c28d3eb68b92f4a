import { readFileSync } from "node:fs";
import type { FileMap } from "../files.ts";
import { relayUrl, type MediaRelay } from "../mariadb/rows.ts";
import { opsPort } from "./index.ts";

/** What can be made live without a restart. */
export type Reload =
  | "dispatcher"
  | "rtpengine"
  | "subscribers"
  | "identities"
  | "addresses"
  | "policy"
  | "userAgents"
  | "trunks"
  | "certificates";

/** Arguments of the reload job. */
export interface ReloadJobArgs {
  /** IPv4 address of Kamailio's ops listener. */
  opsAddress: string;
  /** Media relays as the rows have them. Default: none. */
  relays?: readonly MediaRelay[];
  /** What to reload. Default: all. */
  reload?: readonly Reload[];
}

/** How the one-shot container runs: in the Kamailio image, on data_net. */
export const reloadJobRuntime = {
  uid: 4101,
  gid: 4101,
  entrypoint: ["/bin/bash"],
  command: ["/etc/sbc/job/reload.sh"],
  mounts: { files: "/etc/sbc/job", secrets: "/run/secrets" },
  memoryMb: 64,
} as const;

/** The plain files of the job, for `/etc/sbc/job`. */
export function renderReloadJob(args: ReloadJobArgs): FileMap {
  const reload = args.reload ?? [
    "certificates",
    "addresses",
    "policy",
    "userAgents",
    "subscribers",
    "identities",
    "rtpengine",
    "dispatcher",
    "trunks",
  ];
  return {
    "reload.sh": readFileSync(new URL("jobs/reload.sh", import.meta.url), "utf8"),
    "reload.env": [
      `host=${args.opsAddress}`,
      `port=${opsPort}`,
      `reload=(${reload.join(" ")})`,
      `relays=(${(args.relays ?? []).map((relay) => `${relayUrl(relay)}=${relay.drain === true}`).join(" ")})`,
      "",
    ].join("\n"),
  };
}

/** The secret files of the job, for `/run/secrets`. */
export function renderReloadJobSecrets(secrets: { opsToken: string }): FileMap {
  return { ops_token: secrets.opsToken };
}
