import { request } from "node:https";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import {
  SipAgent,
  type Credentials,
  type RunOptions,
  type Scenario,
  type Target,
  type Transport,
} from "../test/sip/agent.ts";
import { noise } from "../test/sip/audio.ts";
import { returned } from "../test/sip/rtp.ts";

/** What the smoke run needs of a stack's outputs. */
export interface SmokeOptions {
  /** Output `sip`: the addresses that phones use, and the SIP domain; a transport that the stack does not offer is left out. */
  sip: { udp?: string; tcp?: string; tls?: string; domain: string };
  /** Output `sbcNetwork`: name of the Docker network that the edge is on. */
  sbcNetwork: string;
  /** Output `subscribers` (secret): name → password. Without any, registration and call are left out. */
  subscribers?: Readonly<Record<string, string>>;
  /** Output `caCertificate`: PEM of the CA that signed the edge's certificate; empty: a public one. */
  caCertificate: string;
  /** Output `addresses`: where the edge is on the network. */
  addresses: { kamailio: { sbc: string } };
  /** Output `dashboards`: name → URL. Without a landing page it is left out. */
  dashboards?: Readonly<Record<string, string>>;
  /** Output `dashboardsLogin` (secret). */
  dashboardsLogin?: Readonly<{ user: string; password: string }>;
  /** Output `dashboardsCa`: PEM of the CA of the dashboards' certificate; empty: a public one. */
  dashboardsCa?: string;
  /** Address of this host that they are published on: their name may be known elsewhere only. Default: 127.0.0.1. */
  dashboardsAddress?: string;
  /** Output `containers`: only for saying where to look. */
  containers?: { kamailio?: string; rtpengine?: readonly string[]; asterisk?: readonly string[] };
  /** Where lines go. Default: standard output. */
  print?: (line: string) => void;
}

/** A check that did not go as it should. */
export class SmokeFailure extends Error {
  override readonly name = "SmokeFailure";
}

/** Inside the network the edge listens on the standard ports (RFC 3261 §19.1.2), whatever is published. */
const ports: Target["ports"] = { udp: 5060, tcp: 5060, tls: 5061 };

/**
 * Uses a stack that is up as a phone would, from a container on its network: OPTIONS on every transport, the certificate, a digest
 * registration that changes nothing, and an echo call whose every packet has to come back; and as a browser on this host, where it has
 * dashboards. Prints each check with its duration.
 * @throws SmokeFailure saying which check failed, what was expected, and where to look.
 */
export async function smoke(options: SmokeOptions): Promise<void> {
  const { sip, sbcNetwork, addresses, caCertificate, subscribers = {} } = options;
  const { print = (line: string) => void console.log(line) } = options;
  const edge = options.containers?.kamailio ?? "the Kamailio container";
  const look = `look at: docker logs --tail 50 ${edge}`;

  const step = async (what: string, expected: string, check: () => Promise<string | undefined>): Promise<void> => {
    const start = performance.now();
    const problem = await check().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    const line = `${what.padEnd(44)} ${String(Math.round(performance.now() - start)).padStart(6)} ms`;
    if (problem === undefined) return print(`  ok      ${line}`);
    print(`  FAILED  ${line}`);
    throw new SmokeFailure(`smoke: ${what} failed.\n  expected: ${expected}\n  got: ${problem}\n  ${look}`);
  };

  const target: Target = { address: addresses.kamailio.sbc, domain: sip.domain, ports };
  await using agent = await SipAgent.start(sbcNetwork, target);
  const status = async (scenario: Scenario, word: string, wanted: string, runOptions: RunOptions) => {
    const { log, errors } = await agent.run(scenario, { limitSeconds: 8, ...runOptions });
    return log[word]?.at(-1) === wanted ? undefined : `${log[word]?.at(-1) ?? "no answer"} ${errors}`.trim();
  };

  const transports = (["udp", "tcp", "tls"] as const).filter((transport) => sip[transport] !== undefined);
  for (const transport of transports) {
    await step(`OPTIONS over ${transport.toUpperCase()}`, "200", () =>
      status("options", "options", "200", { transport }),
    );
  }
  if (transports.includes("tls")) {
    await step(`certificate for ${sip.domain}`, "valid, signed by the CA of the output caCertificate", () =>
      agent.certificateProblem(caCertificate),
    );
  }

  await landingPage();

  const [user] = Object.entries(subscribers).map(([name, password]): Credentials => ({ name, password }));
  const [transport] = transports;
  if (!user || !transport) {
    print("  left out: registration and echo call (the stack has no demo subscriber)");
    return;
  }
  await registration(user, transport);
  await step("echo call to 600", "an answer, and every RTP packet back as it was sent", () => echo(user, transport));

  async function landingPage(): Promise<void> {
    const url = options.dashboards?.["landing"];
    if (url === undefined) return print("  left out: the landing page (the stack has no dashboards)");
    const engine = process.env["DOCKER_HOST"] ?? "unix:";
    if (!engine.startsWith("unix:")) return print(`  left out: the landing page (the engine is elsewhere: ${engine})`);
    const { user, password } = options.dashboardsLogin ?? { user: "", password: "" };
    const { dashboardsAddress: address = "127.0.0.1", dashboardsCa: ca = "" } = options;
    await step(`landing page ${url}`, "401 without the password, 200 with it", async () => {
      const statuses = [await statusOf(url, address, ca), await statusOf(url, address, ca, `${user}:${password}`)];
      return statuses.join() === "401,200" ? undefined : statuses.join(", then ");
    });
  }

  async function registration(credentials: Credentials, via: Transport): Promise<void> {
    let seen: string | undefined;
    await step(`REGISTER as ${credentials.name} (asks, changes nothing)`, "401, then 200", async () => {
      const { log, errors } = await agent.run("bindings", { user: credentials, transport: via, limitSeconds: 8 });
      seen = log["received"]?.[0];
      return log["register"]?.[0] === "200" ? undefined : `${log["register"]?.[0] ?? "no answer"} ${errors}`.trim();
    });
    await step("source address as the edge sees it", agent.address, () =>
      Promise.resolve(seen === agent.address ? undefined : `${seen}: bans and rate limits would hit the wrong host`),
    );
  }

  async function echo(credentials: Credentials, via: Transport): Promise<string | undefined> {
    const { result, media } = await agent.capture(() =>
      agent.run("call", {
        user: credentials,
        transport: via,
        // Where only TLS is open, plain RTP is refused.
        srtp: via === "tls",
        called: "600",
        holdMs: 1500,
        audio: noise(4, 1),
        limitSeconds: 15,
      }),
    );
    const answer = result.log["invite"]?.[0];
    if (answer !== "200" || result.exitCode !== 0) return `${answer ?? "no answer"} ${result.errors}`.trim();
    const { sent, received } = media;
    // What is encrypted comes back with another key: it can be counted, and has 10 bytes of authentication behind the 160 of audio.
    const same = via === "tls" ? received.filter(({ payload }) => payload.length === 170).length : returned(media);
    // 50 packets a second, half of that from a sender on a busy host; the first few may pass before RTPengine has learnt both ends.
    const good = sent.length >= 20 && same >= sent.length * 0.8 && same === received.length;
    return good ? undefined : `${sent.length} packets sent, ${received.length} received, ${same} of them unchanged`;
  }
}

/** Status of a page at an address of this host; rejects when its certificate is not to be trusted for the name in the URL. */
function statusOf(url: string, address: string, ca: string, auth?: string): Promise<number | undefined> {
  const { host, hostname, pathname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: address,
        port,
        path: pathname,
        headers: { host },
        servername: isIP(hostname) ? "" : hostname,
        checkServerIdentity: (_address, certificate) => checkServerIdentity(hostname, certificate),
        agent: false,
        timeout: 8000,
        ...(ca !== "" && { ca }),
        ...(auth !== undefined && { auth }),
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    call.once("timeout", () => call.destroy(new Error("no answer")));
    call.once("error", reject);
    call.end();
  });
}
