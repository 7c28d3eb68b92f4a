import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { prometheusDefaults } from "../../../configs/prometheus/index.ts";
import { EdgeStack, targetOf, type Outputs } from "../../e2e/stack.ts";
import { SipAgent, waitFor } from "../../sip/agent.ts";
import { docker } from "../../sip/docker.ts";
import { dashboardPorts, prometheusBars, promql, type Pages } from "../../support/front-door.ts";
import { usage } from "../sip/sides.ts";

/** One after the other, and no more than a phone makes: the edge bans who sends too much. */
const calls = { count: 10, holdMs: 1500 };
/** Readings of idle memory, and seconds between them. */
const readings = { count: 5, seconds: 5 };
/** Evaluations of the rules with calls in them. */
const evaluations = 4;

/** What a stack with the light profile takes that runs. */
export interface LightFigures {
  /** MiB of the plane's containers together, per reading. */
  idleMb: number[];
  /** MiB of each, at the last of them. */
  perTool: Record<string, number>;
  /** Milliseconds of each evaluation of all rules. */
  ruleMs: number[];
  activeSeries: number;
}

/** Brings a stack with two nodes and the light profile up, all but Grafana (its image cannot be pulled everywhere), reads what it takes, and takes it down. */
export async function measureLight(): Promise<LightFigures> {
  const stack = await EdgeStack.create({
    subscribers: [{ name: "alice" }],
    asterisk: { nodes: 2 },
    monitoring: {
      profile: "light",
      without: ["grafana"],
      ports: dashboardPorts(34_000, 2000, ["landing", "prometheus", "alertmanager"]),
    },
  });
  try {
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    const outputs = (await stack.outputs()) as Outputs & Pages;
    const valueOf = async (expression: string) => (await promql(outputs, expression))[0]?.value;
    // Rules are evaluated as often as targets are asked.
    const evaluated = async (more: number) => {
      const rounds = "min(count_over_time(up[1h]))";
      const before = (await valueOf(rounds)) ?? 0;
      const limit = (more + 4) * prometheusDefaults.scrapeSeconds * 1000;
      await waitFor("evaluations of the rules", async () => ((await valueOf(rounds)) ?? 0) >= before + more, limit);
    };
    // What starts has been read, and every target asked.
    await waitFor("all targets", async () => (await valueOf("count(up == 0) or vector(0)")) === 0, 120_000);
    await evaluated(2);
    const { idleMb, perTool } = await idleMemory(stack.prefix);

    {
      await using alice = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
      const user = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
      const run = await alice.run("call", {
        user,
        called: "600",
        holdMs: calls.holdMs,
        calls: calls.count,
        limitSeconds: 60,
      });
      assert.equal(run.exitCode, 0, run.errors);
    }
    await waitFor(
      "the calls in the metrics",
      async () => (await valueOf("sum(kamailio_calls)")) === calls.count,
      60_000,
    );
    await evaluated(evaluations);
    const window = `${evaluations * prometheusDefaults.scrapeSeconds}s`;
    const { ruleSeconds, activeSeries } = prometheusBars;
    const past = await promql(outputs, `(${ruleSeconds.expression})[${window}:${prometheusDefaults.scrapeSeconds}s]`);
    return {
      idleMb,
      perTool,
      ruleMs: (past[0]?.values ?? []).map((seconds) => seconds * 1000),
      activeSeries: (await valueOf(activeSeries.expression)) ?? assert.fail("Prometheus does not count its series"),
    };
  } finally {
    await stack.destroy();
    await stack.remove();
  }
}

async function idleMemory(prefix: string): Promise<Pick<LightFigures, "idleMb" | "perTool">> {
  const names = await docker([
    ...["ps", "--format", "{{.Names}}", "--filter", `label=sbc.stack=${prefix}`],
    ...["--filter", "label=sbc.plane=monitoring"],
  ]);
  const containers = names.trim().split("\n");
  const idleMb: number[] = [];
  let perTool: Record<string, number> = {};
  for (let reading = 0; reading < readings.count; reading++) {
    if (reading > 0) await sleep(readings.seconds * 1000);
    const each = await Promise.all(
      containers.map(
        async (name) => [name.slice(prefix.length + 1), (await usage({ name })).memory / 1024 ** 2] as const,
      ),
    );
    perTool = Object.fromEntries(each);
    idleMb.push(each.reduce((sum, [, memory]) => sum + memory, 0));
  }
  return { idleMb, perTool };
}
