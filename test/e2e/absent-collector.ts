import assert from "node:assert/strict";
import type { Credentials, SipAgent } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { describeLoad, load } from "../sip/load.ts";

/** Runs that are made once the collector is known to be gone, of {@link steady} calls each. */
const runs = 3;
const steady = { rate: 50, calls: 150, holdMs: 500 } as const;

/** 150 calls to the echo at 50 a second. @throws when one is not answered or not ended. */
export async function steadyCalls(caller: SipAgent, user: Credentials): Promise<number> {
  const made = await load(caller, { user, called: "600", ...steady });
  assert.deepEqual([made.answered, made.lost], [made.calls, []], describeLoad(made));
  return made.calls;
}

/**
 * Makes calls after a collector's container has gone: until Linux has noticed in all of the containers that copy to it (up to a minute; it sends into the
 * blue before, which is harmless), and some more, while what they send waits for its address. @throws when a call fails.
 */
export async function callWithoutCollector(
  caller: SipAgent,
  user: Credentials,
  { containers, collector }: { containers: readonly string[]; collector: string },
): Promise<void> {
  const end = performance.now() + 120_000;
  const looking = async (container: string) => {
    const neighbours = await docker(["exec", container, "cat", "/proc/net/arp"]);
    // Flags: 0x2 when its hardware address is known.
    return !new RegExp(`^${collector.replaceAll(".", String.raw`\.`)} +0x1 +0x2 `, "m").test(neighbours);
  };
  while (!(await Promise.all(containers.map(looking))).every(Boolean)) {
    assert.ok(performance.now() < end, `${containers.join()} still send to ${collector}`);
    await steadyCalls(caller, user);
  }
  for (let run = 0; run < runs; run++) await steadyCalls(caller, user);
}
