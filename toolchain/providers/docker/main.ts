/** Stand-in for `pulumi-resource-docker`: the resources and properties that this repository's program sets. */
import { enableCompileCache } from "node:module";

enableCompileCache();

const [{ startProvider }, { connect }] = await Promise.all([import("../shared/provider.ts"), import("./daemon.ts")]);
await startProvider(
  {
    name: "docker",
    version: "5.2.0",
    configKeys: ["host"],
    configure: ({ host }) => connect(host),
    resources: {
      "docker:index/network:Network": async () => (await import("./network.ts")).network,
      "docker:index/volume:Volume": async () => (await import("./volume.ts")).volume,
      "docker:index/remoteImage:RemoteImage": async () => (await import("./image.ts")).remoteImage,
      "docker:index/container:Container": async () => (await import("./container.ts")).container,
    },
  },
  process.argv.slice(2),
);
