import { kamailioDefaults, opsPort } from "../../configs/kamailio/index.ts";
import { waitFor, type Target } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { parseExposition, scrapeScript, sum, type Exposition } from "./exposition.ts";
import type { Outputs } from "../e2e/stack.ts";

/** Makes parts of a stack fail, and tells how it fares. */
export class Failures {
  readonly #outputs: Outputs;

  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  get target(): Target {
    const { addresses, sip } = this.#outputs;
    return { address: addresses.kamailio.sbc, domain: sip.domain, ports: kamailioDefaults.ports };
  }

  /** Kills a container's process from the host, as the kernel would: for Docker it ended by itself, so that the restart policy holds. */
  async kill(container: string): Promise<void> {
    process.kill(Number(await docker(["inspect", "--format", "{{.State.Pid}}", container])), "SIGKILL");
  }

  startedAt(container: string): Promise<string> {
    return docker(["inspect", "--format", "{{.State.StartedAt}}", container]);
  }

  /** Waits until a container runs that was started at another time than the given. */
  async restarted(container: string, before: string): Promise<void> {
    const format = "{{.State.Running}} {{.State.StartedAt}}";
    await waitFor(
      `restart of ${container}`,
      async () => {
        const [running, started] = (await docker(["inspect", "--format", format, container])).split(" ");
        return running === "true" && started !== before;
      },
      60_000,
    );
  }

  async healthy(container: string): Promise<void> {
    const format = "{{.State.Health.Status}}";
    await waitFor(
      `health of ${container}`,
      async () => (await docker(["inspect", "--format", format, container])) === "healthy",
      60_000,
    );
  }

  /** What one of the programs exports: `kamailio`, `rtpengine`, or the container of a node. */
  async scrape(program: string): Promise<Exposition> {
    const { addresses, containers } = this.#outputs;
    const [container, address, port] =
      program === "kamailio"
        ? [containers.kamailio, addresses.kamailio.data, opsPort]
        : program === "rtpengine"
          ? [this.#rtpengine.container, this.#rtpengine.address, 2225]
          : [program, await this.#address(program), 8088];
    return parseExposition(await docker(["exec", container, "bash", "-c", scrapeScript(address, port)]));
  }

  /** The first of them. */
  get #rtpengine(): { container: string; address: string } {
    const { addresses, containers } = this.#outputs;
    return { container: containers.rtpengine[0] ?? "", address: addresses.rtpengine[0]?.sbc ?? "" };
  }

  async #address(container: string): Promise<string> {
    const network = this.#outputs.networks.monitoring;
    return docker(["inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container]);
  }

  /** Sum of a metric of the edge. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sum(await this.scrape("kamailio"), name, labels);
  }

  nodesUp(): Promise<number> {
    return this.metric("kamailio_dispatcher_up");
  }

  /** Waits until as many calls have been answered as wanted, from now on. */
  async whenCallsRun(wanted: number): Promise<void> {
    const before = await this.metric("kamailio_dialog_processed_dialogs");
    await waitFor(
      `${wanted} calls`,
      async () => (await this.metric("kamailio_dialog_processed_dialogs")) >= before + wanted,
      60_000,
    );
  }

  async query(sql: string): Promise<string> {
    const client = ["mariadb", "--batch", "--skip-column-names", "kamailio", "--execute", sql];
    return docker(["exec", this.#outputs.containers.mariadb, ...client]);
  }

  /** Whether a query gives anything but 0. */
  async written(sql: string): Promise<boolean> {
    return Number(await this.query(sql)) > 0;
  }

  /**
   * Whether as many answered legs that began at this time (Unix, in seconds) or later are in the database. Rows of calls that ended while it
   * was away are left in there.
   */
  dialogs(legs: number, since: number): Promise<boolean> {
    return this.written(`SELECT COUNT(*) = ${legs} FROM dialog WHERE state = 4 AND start_time >= ${since}`);
  }

  /** Call records of a run's calls, all legs. */
  async records(id: string): Promise<number> {
    return Number(await this.query(`SELECT COUNT(*) FROM acc_cdrs WHERE xcid LIKE '%-${id}@%'`));
  }
}
