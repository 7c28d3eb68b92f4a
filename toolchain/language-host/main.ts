/**
 * Pulumi's Node.js language host, as a small Node program on the SDK's own protocol stubs. The official one is not
 * published as a Go module, so where the CLI is built from its module this one runs programs and policy packs.
 */
import { enableCompileCache } from "node:module";

enableCompileCache();

const { startLanguageHost } = await import("./host.ts");
await startLanguageHost(process.argv.slice(2));
