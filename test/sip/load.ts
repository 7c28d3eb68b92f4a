import type { RunOptions, RunResult, SipAgent } from "./agent.ts";

/** What became of many calls. */
export interface Load {
  /** Part of the Call-IDs of these calls and of no others. */
  id: string;
  /** Calls begun. */
  calls: number;
  /** Calls answered with 200. */
  answered: number;
  /** Final statuses of the others. */
  refused: string[];
  /** Milliseconds from the first INVITE to the answer, challenge included, sorted. */
  delays: number[];
  /** Milliseconds from a BYE to its answer, sorted. */
  endings: number[];
  /** What the BYEs of the answered ones were answered with, other than 200. */
  lost: string[];
  /** The run itself. */
  result: RunResult;
}

/** Makes calls at a fixed rate, without media. */
export async function load(
  agent: SipAgent,
  options: RunOptions & Required<Pick<RunOptions, "calls" | "rate">>,
): Promise<Load> {
  const limitSeconds = Math.ceil(options.calls / options.rate + (options.holdMs ?? 1000) / 1000) + 45;
  const result = await agent.run("resilience/load", { limitSeconds, ...options });
  const words = (name: string) => (result.log[name] ?? []).map((line) => line.split(" "));
  const begun = new Map(words("begun").map(([call = "", tick]) => [call, Number(tick)]));
  const answers = words("answered").map(([call = "", tick, status = ""]) => ({
    delay: Number(tick) - (begun.get(call) ?? 0),
    status,
  }));
  const leaving = new Map(words("leaves").map(([call = "", tick]) => [call, Number(tick)]));
  const good = answers.filter(({ status }) => status === "200");
  return {
    id: result.id,
    calls: begun.size,
    answered: good.length,
    refused: answers.filter(({ status }) => status !== "200").map(({ status }) => status),
    delays: good.map(({ delay }) => delay).toSorted((a, b) => a - b),
    endings: words("left")
      .map(([call = "", tick]) => Number(tick) - (leaving.get(call) ?? 0))
      .toSorted((a, b) => a - b),
    lost: (result.log["bye"] ?? []).filter((status) => status !== "200"),
    result,
  };
}

/** In a few words, for the output of a test. */
export function describeLoad({ calls, answered, refused, delays, endings, lost }: Load): string {
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? NaN;
  const others = refused.length === 0 ? "" : `, refused ${refused.join(" ")}`;
  const ends = lost.length === 0 ? "" : `, BYE answered with ${lost.join(" ")}`;
  return `${answered} of ${calls} calls answered; delay p50 ${at(0.5)}, p95 ${at(0.95)}, max ${delays.at(-1) ?? NaN} ms, of BYE at most ${endings.at(-1) ?? NaN} ms${others}${ends}`;
}
