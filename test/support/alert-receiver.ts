import { randomBytes } from "node:crypto";
import { docker, tryDocker } from "../sip/docker.ts";
import { testPrefix } from "../../scripts/sweep.ts";
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

/** Name of the receiver for DNS, and its TCP port. */
export const receiverHost = "alerts.test:8080";

const script = `
  require("node:http").createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      console.log(JSON.stringify({ authorization: request.headers.authorization, ...JSON.parse(body) }));
      response.end();
    });
  }).listen(8080);
`;

/** Somebody who is told of alerts, in a container of its own. */
export class AlertReceiver implements AsyncDisposable {
  readonly container = testPrefix("sbc-test", `alerts-${randomBytes(2).toString("hex")}`);

  /** Starts it on a network, by the name in {@link receiverHost}. */
  static async start(network: string): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    const alias = receiverHost.split(":")[0] ?? "";
    await docker([
      ...["run", "--detach", "--init", "--name", receiver.container, "--network", network],
      ...["--network-alias", alias, "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "128m"],
      ...["--entrypoint", "node", await ensureTesterImage(), "-e", script],
    ]);
    return receiver;
  }

  /** All that came so far. */
  async notifications(): Promise<Notification[]> {
    const log = await docker(["logs", this.container]);
    return log.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Notification]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", this.container]);
  }
}
