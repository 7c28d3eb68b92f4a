import { waitFor, type SipAgent, type Transport } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import type { TestCertificate } from "../support/certificates.ts";

/** What a carrier's host is to do: `test/sip/scripts/routing/carrier.ts` says what each means. */
export interface CarrierHost {
  port: number;
  /** Default udp. */
  transport?: Transport;
  certificate?: TestCertificate;
  /** Default 200. */
  answer?: number;
  options?: number;
}

/** What it got. */
export interface Taken {
  requests: { method: string; uri: string; from: string; at: number }[];
  together: number;
}

/**
 * Starts hosts of carriers in an agent's container, and returns when they listen; `done` is what each got until so many calls have ended, or
 * their time was over. They are a program of this test, and no real exchange.
 */
export async function carriers(
  agent: SipAgent,
  hosts: readonly CarrierHost[],
  { calls, limitMs = 20_000 }: { calls?: number; limitMs?: number } = {},
): Promise<{ done: Promise<Taken[]> }> {
  const input = {
    hosts: hosts.map(({ certificate, ...host }) => ({
      ...{ transport: "udp", answer: 200, ...host, certificate: certificate?.chain, key: certificate?.keyPem },
    })),
    calls,
    limitMs,
  };
  const done = agent.script<Taken[]>("routing/carrier", input, limitMs / 1000 + 20);
  // Whoever waits for it hears of it.
  done.catch(() => undefined);
  const sockets = ["udp", "udp6", "tcp", "tcp6"].map((name) => `/proc/net/${name}`);
  const listening = async () => {
    const text = await docker(["exec", agent.container, "cat", ...sockets]);
    return hosts.every(({ port }) => text.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `));
  };
  await Promise.race([waitFor("the hosts of carriers", listening), done]);
  return { done };
}

/** Methods of the requests that it got, in order, those of probes left out. */
export const methods = ({ requests }: Taken): string[] =>
  requests.map(({ method }) => method).filter((method) => method !== "OPTIONS");
