import type { Trunk } from "../configs/mariadb/trunks.ts";
import type { Config } from "./config-parse.ts";
import { parseAddress } from "./ipv4.ts";

type TrunkConfig = Config["trunks"][number];

/** Networks that the calls of a trunk come from: the given ones, or its hosts; none when it only takes calls. */
export function trunkAddresses({ addresses, direction, hosts }: TrunkConfig): readonly string[] {
  if (direction === "out") return [];
  if (addresses.length > 0) return addresses;
  return hosts.map(({ host }) => host).filter((host) => parseAddress(host) !== undefined);
}

/** The trunks that have CAs of their own: name → PEM. */
export function trunkCas(trunks: Config["trunks"]): Record<string, string> {
  return Object.fromEntries(trunks.flatMap(({ name, tls: { ca } }) => (ca === undefined ? [] : [[name, ca]])));
}

/** A trunk as its rows want it. */
export function trunkOf(config: TrunkConfig): Trunk {
  const { username, password, realm, ...rest } = config;
  const [first] = config.hosts;
  return {
    ...rest,
    addresses: [...new Set(trunkAddresses(config))],
    credentials:
      username === undefined || password === undefined
        ? undefined
        : { username, password, realm: realm ?? config.domain ?? first?.host ?? "" },
  };
}
