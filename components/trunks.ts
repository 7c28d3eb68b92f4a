import type { Trunk } from "../configs/mariadb/trunks.ts";
import type { Config } from "./config-parse.ts";
import { parseAddress } from "./ipv4.ts";

type TrunkConfig = Config["trunks"][number];

/** Networks that the calls of a trunk come from: the given ones, or its hosts. */
export function trunkAddresses({ addresses, hosts }: TrunkConfig): readonly string[] {
  if (addresses.length > 0) return addresses;
  return hosts.map(({ host }) => host).filter((host) => parseAddress(host) !== undefined);
}

/** A trunk as its rows want it. */
export function trunkOf(config: TrunkConfig): Trunk {
  const { username, password, realm, ...rest } = config;
  const [first] = config.hosts;
  return {
    ...rest,
    addresses: config.direction === "out" ? [] : [...new Set(trunkAddresses(config))],
    credentials:
      username === undefined || password === undefined
        ? undefined
        : { username, password, realm: realm ?? config.domain ?? first?.host ?? "" },
  };
}
