/** Stand-in for `pulumi-resource-tls`: the resources that this repository's program uses, over @peculiar/x509. */
import { enableCompileCache } from "node:module";

enableCompileCache();

const { startProvider } = await import("../shared/provider.ts");
await startProvider(
  {
    name: "tls",
    version: "5.6.1",
    configKeys: [],
    resources: {
      "tls:index/privateKey:PrivateKey": async () => (await import("./private-key.ts")).privateKey,
      "tls:index/selfSignedCert:SelfSignedCert": async () => (await import("./self-signed-cert.ts")).selfSignedCert,
      "tls:index/certRequest:CertRequest": async () => (await import("./cert-request.ts")).certRequest,
      "tls:index/locallySignedCert:LocallySignedCert": async () =>
        (await import("./locally-signed-cert.ts")).locallySignedCert,
    },
  },
  process.argv.slice(2),
);
