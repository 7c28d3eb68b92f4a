import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { VolumeArgs } from "@pulumi/docker";
import type { VolumeInspectInfo } from "dockerode";
import type { Plain } from "../shared/properties.ts";
import { resource } from "../shared/resource.ts";
import { ask, isAnswer } from "./daemon.ts";
import { labelList, labelMap } from "./labels.ts";

type Inputs = Plain<VolumeArgs> & { name: string };

/** How long to wait for the last user to go; the official provider's figure. */
const removalTimeoutMs = 30_000;

/** A volume never changes: every property replaces it, and what it holds is lost. */
export const volume = resource<Inputs>({
  autoname: true,
  deleteBeforeReplace: "sameName",
  computed: ["driver", "mountpoint"],
  properties: {
    name: { change: "replace", covers: true, computed: true },
    labels: { change: "replace", covers: { label: true, value: true }, set: true },
    driver: { change: "replace", covers: true, computed: true },
    driverOpts: { change: "replace", covers: true },
    cluster: false,
  },

  // Docker answers with the volume of that name when there is one, so a run that was cut short repeats well.
  async create(inputs, { signal }) {
    signal.throwIfAborted();
    const info = await ask(`unable to create volume ${inputs.name}`, async (docker) => {
      const created = await docker.createVolume({
        Name: inputs.name,
        Driver: inputs.driver,
        DriverOpts: inputs.driverOpts,
        Labels: labelMap(inputs.labels),
      });
      return await docker.getVolume(created.name).inspect();
    });
    return { id: info.Name, outputs: outputs(info) };
  },

  async read(id, inputs) {
    try {
      const info = await ask(`unable to inspect volume ${id}`, (docker) => docker.getVolume(id).inspect());
      const labels = labelList(info.Labels);
      const changed = !isDeepStrictEqual(labels, labelList(labelMap(inputs.labels)));
      return { id, outputs: outputs(info), ...(changed && { drift: { labels } }) };
    } catch (error) {
      if (isAnswer(error, 404)) return undefined;
      throw error;
    }
  },

  async delete(id) {
    const deadline = Date.now() + removalTimeoutMs;
    for (;;) {
      try {
        return await ask(`unable to remove volume ${id}`, (docker) => docker.getVolume(id).remove({ force: true }));
      } catch (error) {
        if (isAnswer(error, 404)) return;
        if (!isAnswer(error, 409) || Date.now() > deadline) throw error;
      }
      await sleep(200);
    }
  },
});

function outputs(info: VolumeInspectInfo): Record<string, unknown> {
  return { name: info.Name, driver: info.Driver, mountpoint: info.Mountpoint };
}
