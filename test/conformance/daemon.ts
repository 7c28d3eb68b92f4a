import Docker from "dockerode";

/** The daemon that the plugins talk to as well. */
export const docker = new Docker();

/** The socket that it listens on. */
export const daemonSocket = process.env.DOCKER_HOST?.replace(/^unix:\/\//, "") ?? "/var/run/docker.sock";

/** Image that the containers of these tests run: the set-up has made it, so nothing is pulled. */
export const baseImage = "sbc-base:forky";

/** Names of everything on the daemon that belongs to a test stack. */
export async function leftovers(prefix: string): Promise<string[]> {
  const filters = { name: [prefix] };
  const [containers, networks, { Volumes: volumes }, images] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
    docker.listImages({ filters: { reference: [`${prefix}*`] } }),
  ]);
  return [
    ...containers.map(({ Names: [name = ""] }) => `container ${name.slice(1)}`),
    ...networks.map(({ Name: name }) => `network ${name}`),
    ...(volumes ?? []).map(({ Name: name }) => `volume ${name}`),
    ...images.map(({ RepoTags: tags }) => `image ${tags?.[0]}`),
  ];
}

/** Removes all of it, whatever state a failed test left it in. */
export async function sweep(prefix: string): Promise<void> {
  const filters = { name: [prefix] };
  for (const { Id: id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(id).remove({ force: true, v: true });
  }
  for (const { Id: id } of await docker.listNetworks({ filters })) await docker.getNetwork(id).remove();
  for (const { Name: name } of (await docker.listVolumes({ filters })).Volumes ?? []) {
    await docker.getVolume(name).remove();
  }
  for (const { Id: id } of await docker.listImages({ filters: { reference: [`${prefix}*`] } })) {
    await docker.getImage(id).remove({ force: true });
  }
}

/** Waits for a condition, without a fixed sleep. @throws Error when it has not come true in time */
export async function eventually(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
