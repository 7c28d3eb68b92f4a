import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "js-yaml";
import type { monitoringProfiles } from "../../components/monitoring-tools.ts";
import { upstreamNames } from "../../components/upstream-images.ts";
import type { Environment } from "../configuration.ts";
import type { RecordedResource } from "./evaluate.ts";
import { recordProgram } from "./record.ts";

const repository = new URL("../../", import.meta.url);

export type Profile = (typeof monitoringProfiles)[number];

/**
 * The resources that this repository's program registers in a preview of a new stack with an environment's committed stack file, or
 * with another profile of monitoring than the file's. What prod leaves to the operator (addresses, certificate) is filled in with values for
 * tests.
 */
export async function recordEnvironment(
  environment: Environment,
  profile?: Profile,
): Promise<readonly RecordedResource[]> {
  const file = load(readFileSync(new URL(`Pulumi.${environment}.yaml`, repository), "utf8")) as {
    config?: Record<string, unknown>;
  };
  const config = {
    ...file.config,
    ...(environment === "prod" ? await operatorValues(String(file.config?.["sbc:domain"])) : {}),
    ...(profile !== undefined && { "sbc:monitoring": monitoring(profile, environment) }),
  };
  return recordProgram({
    directory: fileURLToPath(repository),
    node: process.execPath,
    nodeArgs: ["--stack-trace-limit=1"],
    config: Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    secretKeys: ["sbc:certificates"],
    stack: environment,
  });
}

/** All that a profile can have: somebody who is told, and in prod every image, which it runs by digest only. */
function monitoring(profile: Profile, environment: Environment): Record<string, unknown> {
  const digest = `sha256:${"0".repeat(64)}`;
  const pinned = Object.entries(upstreamNames()).map(([tool, name]) => [tool, `${name.split("@")[0] ?? ""}@${digest}`]);
  return {
    profile,
    alerts: { webhooks: [{ name: "chat", url: "https://alerts.example.com/sbc" }] },
    ...(environment === "prod" && { images: Object.fromEntries(pinned) as Record<string, string> }),
  };
}

/** Addresses of the documentation ranges (RFC 5737) and a certificate for the domain. */
async function operatorValues(domain: string): Promise<Record<string, unknown>> {
  return {
    "sbc:edge": { bind: "192.0.2.10", publicAddress: "198.51.100.7" },
    "sbc:certificates": await certificate(domain),
  };
}

async function certificate(domain: string): Promise<{ chain: string; key: string }> {
  // Loaded on demand: only a recording of prod needs it, and it is slow to load.
  const { testAuthority } = await import("../../test/support/certificates.ts");
  const authority = await testAuthority("Policy test CA");
  const { chain, keyPem } = await authority.issue(domain, { names: [domain] });
  return { chain: `${chain}${authority.pem}`, key: keyPem };
}
