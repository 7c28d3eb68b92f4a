import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import * as pulumi from "@pulumi/pulumi";

/** One resource: its class and its arguments, both as plain JSON. */
interface Resource {
  readonly name: string;
  readonly type: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly options?: { readonly replaceOnChanges?: string[] };
}

const { resources } = JSON.parse(process.env.CONFORMANCE_VARIANT ?? "{}") as { resources: Resource[] };

for (const { name, type, args, options } of resources) {
  if (type === "container") new docker.Container(name, args as unknown as docker.ContainerArgs, options);
  if (type === "network") new docker.Network(name, args as unknown as docker.NetworkArgs);
  if (type === "volume") new docker.Volume(name, args as unknown as docker.VolumeArgs);
  if (type === "image") new docker.RemoteImage(name, args as unknown as docker.RemoteImageArgs);
  if (type === "password") new random.RandomPassword(name, args as unknown as random.RandomPasswordArgs);
  if (type === "id") new random.RandomId(name, args as unknown as random.RandomIdArgs);
  if (type === "bytes") new random.RandomBytes(name, args as unknown as random.RandomBytesArgs);
  if (type === "key") new tls.PrivateKey(name, args as unknown as tls.PrivateKeyArgs);
  if (type === "certificate") new tls.SelfSignedCert(name, args as unknown as tls.SelfSignedCertArgs);
}

export const count = pulumi.output(resources.length);
