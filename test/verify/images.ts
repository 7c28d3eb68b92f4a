import assert from "node:assert/strict";
import { parseConfig } from "../../components/config-parse.ts";
import { upstreamNames, upstreamTools, type UpstreamTool } from "../../components/upstream-images.ts";
import { present, pullUpstream } from "../../scripts/images.ts";
import { capture, step } from "../../scripts/run.ts";
import { EdgeStack, freeNetworks, targetOf, type Outputs } from "../e2e/stack.ts";
import { SipAgent } from "../sip/agent.ts";
import { noise } from "../sip/audio.ts";
import { lastLogs } from "../../scripts/containers.ts";
import { dashboardPorts } from "../support/front-door.ts";
import { ensureStandIn } from "../support/images.ts";
import { checks, type Verified } from "./checks.ts";

/** Exit codes: what is wrong with the tools is another thing than that they could not be asked. */
export const codes = { good: 0, failed: 1, unreachable: 2 } as const;

const standIns: Readonly<Record<UpstreamTool, string>> = {
  grafana: "grafana",
  "heplify-server": "homer",
  "homer-app": "homer",
  elasticsearch: "elastic",
  logstash: "elastic",
  filebeat: "elastic",
  kibana: "elastic",
};

/**
 * Brings a stack with the full profile up with the publishers' images, waits until every one is healthy, makes a call, and asks each tool what it
 * knows. With `standIn` the tests' stand-ins take their place: then only what those can answer is asked.
 */
export async function verifyImages({ standIn }: { standIn: boolean }): Promise<number> {
  const images = standIn ? await standInImages() : upstreamNames();
  if (!standIn && !(await pullAll(images))) return codes.unreachable;
  const networks = freeNetworks();
  const stack = await EdgeStack.create({
    networks,
    subscribers: [{ name: "alice" }],
    monitoring: {
      profile: "full",
      images,
      ports: dashboardPorts(32_000, 1900),
      prometheus: { scrapeSeconds: 5 },
    },
  });
  try {
    const { code, output } = await stack.up();
    if (code !== 0) {
      console.log(`FAILED  the full profile comes up, every container healthy\n${output}`);
      for (const log of lastLogs(stack.prefix)) console.log(`\n${log}`);
      return codes.failed;
    }
    console.log(`ok      the full profile comes up, every container healthy`);
    const outputs = (await stack.outputs()) as Outputs & Verified["outputs"];
    const callId = await call(outputs);
    return await ask({ prefix: stack.prefix, outputs, callId }, standIn);
  } finally {
    await stack.destroy();
    await stack.remove();
  }
}

/** Makes all checks, one after the other; resolves to the exit code. */
async function ask(stack: Verified, standIn: boolean): Promise<number> {
  let failed = 0;
  for (const { what, real, check } of checks) {
    if (standIn && real === true) {
      console.log(`not run ${what} (a stand-in cannot answer that)`);
      continue;
    }
    try {
      await check(stack);
      console.log(`ok      ${what}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${what}\n        ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed === 0 ? codes.good : codes.failed;
}

/** One call with sound, so that each tool has something to show. Resolves to its Call-ID's own part. */
async function call(outputs: Outputs): Promise<string> {
  await using phone = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
  const user = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
  const run = await phone.run("call", { user, called: "600", audio: noise(1, 1), holdMs: 2000 });
  assert.equal(run.exitCode, 0, run.errors);
  return run.id;
}

/** Pulls what is not there. Where one cannot be had, those that were pulled now are taken away again, and it is said which and why. */
async function pullAll(images: Readonly<Record<UpstreamTool, string>>): Promise<boolean> {
  const parsed = parseConfig({ domain: "sip.example.test", monitoring: JSON.stringify({ profile: "full" }) }, "dev");
  assert.ok("config" in parsed);
  const names = Object.values(images);
  const before = new Set(names.filter(present));
  const reasons = await step("the publishers' images", () => Object.values(pullUpstream(parsed.config)));
  if (reasons.length === 0) return true;
  for (const name of names) if (!before.has(name) && present(name)) capture("docker", ["image", "rm", name]);
  console.log(`not verified, ${reasons.length} of ${names.length} images cannot be pulled here:`);
  for (const reason of reasons) console.log(`- ${reason}`);
  return false;
}

async function standInImages(): Promise<Record<UpstreamTool, string>> {
  const named = upstreamTools.map(async (tool) => [tool, await ensureStandIn(standIns[tool])] as const);
  return Object.fromEntries(await Promise.all(named)) as Record<UpstreamTool, string>;
}
