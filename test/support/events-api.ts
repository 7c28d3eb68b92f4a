import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { SipAgent, waitFor, type Target } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { testAuthority } from "./certificates.ts";

/** An event as the API gets it. */
export interface ApiEvent {
  id: string;
  kind: string;
  time: string;
  [field: string]: unknown;
}

/** One request as the API got it. */
export interface ApiRequest {
  headers: Record<string, string>;
  body: string;
  answer: number;
}

/** Name of the stand-in for DNS, and of its good certificate. */
export const apiName = "events-api.test";

/** Certificates of the stand-in: one that the CA signed, and one of nobody that is known. */
export async function apiCertificates() {
  const authority = await testAuthority("API CA");
  const good = await authority.issue(apiName, { names: [apiName] });
  const other = await (await testAuthority("Other CA")).issue(apiName, { names: [apiName] });
  const pair = ({ pem, keyPem }: typeof good) => ({ cert: pem, key: keyPem });
  return { ca: authority.pem, good: pair(good), other: pair(other) };
}

const keyOf = (secret: string) => Buffer.from(secret.replace("whsec_", ""), "base64");

/** A stand-in for the operator's API, in a container of its own. */
export class EventsApi implements AsyncDisposable {
  readonly #agent: SipAgent;
  /** Of the stack, the present one last. */
  readonly #secrets: Buffer[];

  private constructor(agent: SipAgent, secret: Buffer) {
    this.#agent = agent;
    this.#secrets = [secret];
  }

  /** Starts it on a network, by the name {@link apiName}. */
  static async start(
    network: string,
    target: Target,
    certificates: Omit<Awaited<ReturnType<typeof apiCertificates>>, "ca">,
    secret: string,
  ): Promise<EventsApi> {
    const agent = await SipAgent.start(network, target);
    await docker(["network", "disconnect", network, agent.container]);
    await docker(["network", "connect", "--alias", apiName, network, agent.container]);
    await agent.copyScripts();
    const child = spawn("docker", ["exec", "--interactive", agent.container, "node", "/scripts/events-api.mjs"]);
    const key = keyOf(secret);
    child.stdin.end(JSON.stringify({ ...certificates, secret: key.toString("base64") }));
    const api = new EventsApi(agent, key);
    await waitFor("the stand-in for the API", async () => (await api.#ask("")) !== undefined);
    return api;
  }

  /** How it behaves from now on: `refuse` 422, `fail` 503, `slow` 200 after 5 s, `silent` no answer, `closed` no connection. */
  async behave(mode: "ok" | "refuse" | "fail" | "slow" | "silent" | "closed"): Promise<void> {
    assert.ok(await this.#ask(`mode/${mode}`));
  }

  /** Tells it another secret; to what is signed with an earlier one it answers 401 from now on. */
  async know(secret: string): Promise<void> {
    const key = keyOf(secret);
    this.#secrets.push(key);
    assert.ok(await this.#ask(`secret/${key.toString("base64url")}`));
  }

  /** Which certificate it shows from now on. */
  async show(certificate: "good" | "other"): Promise<void> {
    assert.ok(await this.#ask(`certificate/${certificate}`));
  }

  /** Everything that was posted and answered so far. */
  async requests(): Promise<ApiRequest[]> {
    return (await this.#ask(""))?.received ?? [];
  }

  /** Most requests that were open at once. */
  async mostOpen(): Promise<number> {
    return (await this.#ask(""))?.most ?? 0;
  }

  /** The events of the requests that it took, in order. @throws when a signature is not right. */
  async events(): Promise<ApiEvent[]> {
    return (await this.requests())
      .filter(({ answer }) => answer === 200)
      .flatMap((request) => {
        this.verify(request);
        return (JSON.parse(request.body) as { data: ApiEvent[] }).data;
      });
  }

  /** Checks a request as standardwebhooks.com says. */
  verify({ headers, body }: ApiRequest): void {
    const { "webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": signature } = headers;
    assert.ok(id && stamp);
    const macs = this.#secrets.map((secret) =>
      createHmac("sha256", secret).update(`${id}.${stamp}.${body}`).digest("base64"),
    );
    assert.ok(
      macs.some((mac) => signature === `v1,${mac}`),
      signature,
    );
    assert.ok(Math.abs(Number(stamp) - Date.now() / 1000) < 300, "the time of a request is that of its sending");
    assert.equal(headers["content-type"], "application/json");
  }

  async #ask(path: string): Promise<{ received: ApiRequest[]; most: number } | undefined> {
    const ask = ["exec", this.#agent.container, "curl", "--silent", `http://127.0.0.1:8081/${path}`];
    const { exitCode, stdout } = await tryDocker(ask);
    return exitCode === 0
      ? (JSON.parse(stdout.toString("utf8")) as { received: ApiRequest[]; most: number })
      : undefined;
  }

  /** Takes it away: its name no longer resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
  }
}
