import { randomBytes } from "node:crypto";
import { SipAgent } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { ensureTesterImage } from "../support/images.ts";
import { freeNetworks } from "./stack.ts";

/**
 * Somebody's home: a network of its own whose only way out is a router that masquerades, each flow with a port by chance (a symmetric NAT), and
 * lets nothing in that was not asked for. The kernel's own NAT, in a container's network namespace.
 */
export class HomeNetwork implements AsyncDisposable {
  readonly phone: SipAgent;
  /** Address of the router as the world sees it. */
  readonly outside: string;
  readonly #network: string;
  readonly #router: string;

  private constructor(network: string, router: string, outside: string, phone: SipAgent) {
    [this.#network, this.#router, this.outside, this.phone] = [network, router, outside, phone];
  }

  /** Its router is in the given network. */
  static async behind(world: string): Promise<HomeNetwork> {
    const image = await ensureTesterImage();
    const network = `${world}-home-${randomBytes(2).toString("hex")}`;
    const router = `${network}-router`;
    const subnet = freeNetworks().sbc;
    await docker(["network", "create", "--subnet", subnet, network]);
    try {
      await docker([
        ...["run", "--detach", "--init", "--name", router, "--network", world],
        ...["--user", "0:0", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges"],
        ...["--sysctl", "net.ipv4.ip_forward=1", "--entrypoint", "sleep", image, "1800"],
      ]);
      await docker(["network", "connect", network, router]);
      const address = (of: string) =>
        docker(["inspect", "--format", `{{(index .NetworkSettings.Networks "${of}").IPAddress}}`, router]);
      const [outside, inside] = await Promise.all([address(world), address(network)]);
      const rules = `table ip home {
        chain out { type nat hook postrouting priority srcnat; ip saddr ${subnet} ip daddr != ${subnet} masquerade random; }
        chain through {
          type filter hook forward priority filter; policy drop;
          ct state established,related accept
          ip saddr ${subnet} accept
        }
      }`;
      await docker(["exec", "--interactive", router, "nft", "--file", "-"], { input: rules });
      const phone = await SipAgent.start(network, {
        address: "",
        domain: "",
        ports: { udp: 5060, tcp: 5060, tls: 5061 },
      });
      await docker([
        ...["run", "--rm", "--network", `container:${phone.container}`, "--user", "0:0", "--cap-drop", "ALL"],
        ...["--cap-add", "NET_ADMIN", "--entrypoint", "ip", image, "route", "replace", "default", "via", inside],
      ]);
      return new HomeNetwork(network, router, outside, phone);
    } catch (error) {
      await remove(router, network);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.phone[Symbol.asyncDispose]();
    await remove(this.#router, this.#network);
  }
}

async function remove(router: string, network: string): Promise<void> {
  await tryDocker(["rm", "--force", "--volumes", router]);
  await tryDocker(["network", "rm", network]);
}
