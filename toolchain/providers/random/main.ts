/** Stand-in for `pulumi-resource-random`: the resources that this repository's program uses. */
import { enableCompileCache } from "node:module";

enableCompileCache();

const { startProvider } = await import("../shared/provider.ts");
await startProvider(
  {
    name: "random",
    version: "4.21.2",
    configKeys: [],
    resources: {
      "random:index/randomPassword:RandomPassword": async () => (await import("./password.ts")).randomPassword,
      "random:index/randomId:RandomId": async () => (await import("./bytes.ts")).randomId,
      "random:index/randomBytes:RandomBytes": async () => (await import("./bytes.ts")).randomBytes,
    },
  },
  process.argv.slice(2),
);
