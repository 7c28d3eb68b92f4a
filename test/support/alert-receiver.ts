import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { docker, tryDocker } from "../sip/docker.ts";
import { testPrefix } from "../../scripts/sweep.ts";
import type { TestCertificate } from "./certificates.ts";
import { ensureTesterImage } from "./images.ts";

/** A message as Alertmanager's webhook sends it, as far as tests read it. */
export interface Notification {
  authorization: string;
  receiver: string;
  alerts: {
    status: "firing" | "resolved";
    labels: Record<string, string>;
    annotations: Record<string, string>;
    generatorURL: string;
  }[];
}

/** A mail as it came. */
export interface Mail {
  from: string;
  to: string[];
  subject: string;
  text: string;
  /** Whether it came through TLS. */
  tls: boolean;
}

/** Names of the receivers for DNS, and their TCP ports. */
export const receivers = {
  webhook: { host: "alerts.test", port: 8080 },
  mail: { host: "mail.test", port: 5870 },
} as const;

const webhook = `
  const { CERTIFICATE: cert, KEY: key } = process.env;
  require("node:https").createServer({ cert, key }, (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      console.log(JSON.stringify({ authorization: request.headers.authorization, ...JSON.parse(body) }));
      response.end();
    });
  }).listen(${receivers.webhook.port});
`;

/** Somebody who is told of alerts, in a container of its own, with a certificate. What comes is kept as lines of JSON in its log. */
export class AlertReceiver<Message> implements AsyncDisposable {
  readonly container = testPrefix("sbc-test", `alerts-${randomBytes(2).toString("hex")}`);

  private constructor() {
    // Made by one of the two below.
  }

  /** An HTTP API, on a network by the name in {@link receivers}. */
  static webhook(network: string, certificate: TestCertificate): Promise<AlertReceiver<Notification>> {
    return new AlertReceiver<Notification>().#start(network, receivers.webhook.host, certificate, {}, [
      "node",
      "-e",
      webhook,
    ]);
  }

  /** A mail server that wants STARTTLS and a log-in, on a network by the name in {@link receivers}. */
  static mail(
    network: string,
    certificate: TestCertificate,
    { user, password }: { user: string; password: string },
  ): Promise<AlertReceiver<Mail>> {
    const program = readFileSync(new URL("mail-server.py", import.meta.url), "utf8");
    const login = { USER_NAME: user, PASSWORD: password };
    return new AlertReceiver<Mail>().#start(network, receivers.mail.host, certificate, login, [
      "python3",
      "-c",
      program,
    ]);
  }

  /** All that came so far. */
  async messages(): Promise<Message[]> {
    const log = await docker(["logs", this.container]);
    return log.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Message]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", this.container]);
  }

  async #start(
    network: string,
    alias: string,
    { chain, keyPem }: TestCertificate,
    more: Record<string, string>,
    [program = "", ...args]: readonly string[],
  ): Promise<this> {
    const environment = { CERTIFICATE: chain, KEY: keyPem, ...more };
    await docker([
      ...["run", "--detach", "--init", "--name", this.container, "--network", network],
      ...["--network-alias", alias, "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "128m"],
      ...Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...["--entrypoint", program, await ensureTesterImage(), ...args],
    ]);
    return this;
  }
}
