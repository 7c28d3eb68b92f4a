import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkArgs } from "@pulumi/docker";
import type { NetworkInspectInfo } from "dockerode";
import type { Plain } from "../shared/properties.ts";
import { resource } from "../shared/resource.ts";
import { ask, isAnswer } from "./daemon.ts";
import { labelMap } from "./labels.ts";
import { overlap } from "./subnets.ts";

type Inputs = Plain<NetworkArgs> & { name: string };

/** How long to wait for the last endpoint to go; the official provider's figure. */
const removalTimeoutMs = 30_000;

/** A network never changes: every property replaces it. */
export const network = resource<Inputs>({
  autoname: true,
  deleteBeforeReplace: "sameName",
  computed: ["driver", "internal", "ipamConfigs", "options", "scope"],
  properties: {
    name: { change: "replace", covers: true },
    labels: { change: "replace", covers: { label: true, value: true }, set: true },
    driver: { change: "replace", covers: true, computed: true },
    options: { change: "replace", covers: true, computed: true },
    internal: { change: "replace", covers: true, computed: true },
    attachable: { change: "replace", covers: true, default: false },
    ipv6: { change: "replace", covers: true, default: false },
    ipamDriver: { change: "replace", covers: true, default: "default" },
    ipamOptions: { change: "replace", covers: true },
    ipamConfigs: {
      change: "replace",
      covers: { subnet: true, gateway: true, ipRange: true, auxAddress: true },
      set: true,
      computed: true,
    },
    ingress: false,
  },

  async create(inputs, { signal }) {
    signal.throwIfAborted();
    const what = `unable to create network ${inputs.name}`;
    try {
      const created = await ask(what, (docker) =>
        docker.createNetwork({
          Name: inputs.name,
          CheckDuplicate: true,
          Driver: inputs.driver,
          Internal: inputs.internal,
          Attachable: inputs.attachable,
          EnableIPv6: inputs.ipv6,
          Options: inputs.options,
          Labels: labelMap(inputs.labels),
          IPAM: {
            Driver: inputs.ipamDriver ?? "default",
            Options: inputs.ipamOptions,
            Config: inputs.ipamConfigs?.map(({ subnet, gateway, ipRange, auxAddress }) => ({
              ...(subnet && { Subnet: subnet }),
              ...(gateway && { Gateway: gateway }),
              ...(ipRange && { IPRange: ipRange }),
              ...(auxAddress && { AuxiliaryAddresses: auxAddress }),
            })),
          },
        }),
      );
      const info = await inspect(created.id);
      return { id: created.id, outputs: info === undefined ? {} : outputs(info) };
    } catch (error) {
      throw await explained(error, inputs, what);
    }
  },

  async read(id) {
    const info = await inspect(id);
    return info === undefined ? undefined : { id, outputs: outputs(info) };
  },

  async delete(id, { name }) {
    const deadline = Date.now() + removalTimeoutMs;
    for (;;) {
      try {
        return await ask(`unable to remove network ${name}`, (docker) => docker.getNetwork(id).remove());
      } catch (error) {
        if (isAnswer(error, 404)) return;
        if (!isAnswer(error, 403, 409) || Date.now() > deadline) throw await withMembers(error, id);
      }
      await sleep(200);
    }
  },
});

async function inspect(id: string): Promise<NetworkInspectInfo | undefined> {
  try {
    return await ask(
      `unable to inspect network ${id}`,
      (docker) => docker.getNetwork(id).inspect() as Promise<NetworkInspectInfo>,
    );
  } catch (error) {
    if (isAnswer(error, 404)) return undefined;
    throw error;
  }
}

function outputs(info: NetworkInspectInfo): Record<string, unknown> {
  return {
    name: info.Name,
    driver: info.Driver,
    internal: info.Internal,
    options: info.Options ?? {},
    scope: info.Scope,
    ipamConfigs: (info.IPAM?.Config ?? []).map((config) => ({
      ...(config.Subnet && { subnet: config.Subnet }),
      ...(config.Gateway && { gateway: config.Gateway }),
      ...(config.IPRange && { ipRange: config.IPRange }),
      ...(config.AuxiliaryAddresses && { auxAddress: config.AuxiliaryAddresses }),
    })),
  };
}

/** Says who has the name or the addresses that the daemon refused. */
async function explained(error: unknown, { name, ipamConfigs = [] }: Inputs, what: string): Promise<unknown> {
  if (isAnswer(error, 409)) {
    return new Error(
      `${what}: a network of that name exists and is not in this stack's state (left by a run that was cut short, ` +
        `or made by hand); remove it with: docker network rm ${name}`,
    );
  }
  if (!isAnswer(error, 400, 403, 500) || !/overlap/i.test(error.answer)) return error;
  const others = await ask("unable to list networks", (docker) => docker.listNetworks());
  for (const { Name: other, IPAM } of others) {
    for (const { Subnet: taken } of IPAM?.Config ?? []) {
      const subnet = ipamConfigs.find((config) => config.subnet && taken && overlap(config.subnet, taken))?.subnet;
      if (subnet === undefined) continue;
      return new Error(
        `${what}: its subnet ${subnet} overlaps with ${taken} of the Docker network ${other}; ` +
          `choose another subnet, or remove that network with: docker network rm ${other}`,
      );
    }
  }
  return error;
}

async function withMembers(error: unknown, id: string): Promise<unknown> {
  const info = await inspect(id).catch(() => undefined);
  const members = Object.values(info?.Containers ?? {}).map(({ Name }) => Name);
  if (members.length === 0 || !(error instanceof Error)) return error;
  return new Error(`${error.message}; still attached: ${members.join(", ")}`);
}
