import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { paths } from "./paths.ts";
import { stackFile, syncStackFile } from "./stack.ts";

type Keys = Record<string, unknown>;

/** A copy of a stack's file {@link withSamples}, for previews: it lets anybody, and a pull request, see what the program would do. */
export async function sampleStackFile(stack: string): Promise<string> {
  const file = load(readFileSync(syncStackFile(stack) ?? stackFile(stack), "utf8")) as { config?: Keys };
  const folder = join(paths.stacks, "sample");
  mkdirSync(folder, { recursive: true });
  const config = await withSamples(file.config ?? {}, (names) => sampleCertificate(folder, names));
  const path = join(folder, `Pulumi.${stack}.yaml`);
  writeFileSync(path, dump({ ...file, config }));
  return path;
}

/**
 * A stack's configuration with samples for what only an operator of prod can know, where it has not been set yet: addresses of the
 * documentation ranges (RFC 5737), and a certificate of a CA that is thrown away.
 */
export async function withSamples(
  config: Readonly<Keys>,
  certificate: (names: readonly string[]) => Promise<Keys>,
): Promise<Keys> {
  if (config["sbc:environment"] !== "prod") return config;
  const edge = { bind: "192.0.2.10", publicAddress: "198.51.100.7", ...(config["sbc:edge"] as Keys | undefined) };
  const certificates = (config["sbc:certificates"] ?? {}) as Keys;
  const own = ["mode", "chain", "chainFile", "key", "keyFile"].some((key) => certificates[key] !== undefined);
  const names = [config["sbc:domain"], ...((certificates["names"] ?? []) as unknown[])].map(String);
  return {
    ...config,
    "sbc:edge": edge,
    "sbc:certificates": own ? certificates : { ...certificates, ...(await certificate(names)) },
  };
}

async function sampleCertificate(folder: string, names: readonly string[]): Promise<Keys> {
  // Slow to load, and needed here only.
  const { testAuthority } = await import("../test/support/certificates.ts");
  const authority = await testAuthority("Sample CA");
  const server = await authority.issue(names[0] ?? "sip.example.com", { names });
  const write = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  return {
    chainFile: write("chain.pem", server.chain),
    keyFile: write("key.pem", server.keyPem),
    caFile: write("ca.pem", server.root),
  };
}
