import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { clientsJobRuntime, renderClientsJob, renderClientsJobSecrets } from "../configs/kamailio/clients.ts";
import type { ClientAuthority } from "./certificate-authority.ts";
import { labels, type ContainerDefaults, type VolumeMount } from "./container.ts";
import { contentHash } from "./content-hash.ts";
import { job } from "./job.ts";

/** Files that Kamailio checks client certificates with. */
export interface ClientFiles {
  readonly mount: VolumeMount;
  /** Resolves when they are there. */
  readonly ready: pulumi.Output<docker.Container>;
  /** Changes with them. */
  readonly hash: pulumi.Output<string>;
}

/** Where they go. */
export interface ClientFilesArgs {
  readonly defaults: ContainerDefaults;
  readonly image: docker.RemoteImage;
  /** Where Kamailio mounts them. */
  readonly path: string;
  /** Whose certificates they are for. */
  readonly authority: ClientAuthority;
}

/**
 * A volume of stable identity with the device CA and its list of revoked certificates, and the job that writes them: it runs again when a device
 * is revoked or the CA is new, and Kamailio has to reload.
 */
export function clientFiles(args: ClientFilesArgs, parent: pulumi.Resource): ClientFiles {
  const { defaults, authority } = args;
  const { mounts, command, memoryMb } = clientsJobRuntime;
  const volume = new docker.Volume(
    "kamailio-clients",
    {
      name: `${defaults.prefix}-kamailio-clients`,
      labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "edge" }),
    },
    { parent, deleteBeforeReplace: true },
  );
  const secrets = pulumi
    .all([authority.certificate, authority.key, authority.revoked])
    .apply(([ca, caKey, revoked]) => renderClientsJobSecrets({ ca, caKey, revoked }));
  const fill = job(
    "kamailio-clients-fill",
    {
      defaults,
      plane: "edge",
      image: args.image,
      user: "0:0",
      command,
      staged: [
        { path: mounts.files, files: renderClientsJob(), mode: "0444" },
        { path: mounts.secrets, files: secrets, mode: "0400" },
      ],
      mounts: [{ volume: volume.name, path: mounts.volume, readOnly: false }],
      memoryMb,
    },
    { parent },
  );
  return {
    mount: { volume: volume.name, path: args.path },
    ready: fill.done,
    // Of a private key it tells nothing, and a secret one would hide the labels that it goes to.
    hash: pulumi.unsecret(secrets.apply(contentHash)),
  };
}
