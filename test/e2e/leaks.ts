import { createPrivateKey } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { ha1 } from "../../configs/mariadb/rows.ts";
import { docker, tryDocker } from "../sip/docker.ts";

/** Something that nobody may read, with the name that a finding is told under. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** Where was looked: name → text. */
export type Places = Map<string, string>;

/** The engine's mark of a secret in an exported state. */
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/**
 * Every secret that a stack has made: passwords, tokens, bcrypt hashes, private keys, and the HA1 hashes that stand in the database.
 * @param exported state as `pulumi stack export --show-secrets` prints it.
 */
export function secretsOf(exported: string, domain: string): Secret[] {
  return resourcesOf(exported).flatMap(({ urn, type, outputs = {} }) => {
    const name = urn.slice(urn.lastIndexOf("::") + 2);
    const plain = (property: string): Secret[] => {
      const text = decrypted(outputs[property]);
      return typeof text === "string" ? [{ name: `${name}.${property}`, value: text }] : [];
    };
    if (type === "random:index/randomPassword:RandomPassword") {
      const [password] = plain("result");
      const subscriber = /^subscriber-(.+)-password$/.exec(name)?.[1];
      const hashes =
        subscriber === undefined || password === undefined
          ? []
          : (["md5", "sha256"] as const).map((algorithm) => ({
              name: `${name}.ha1-${algorithm}`,
              value: ha1(subscriber, domain, password.value, algorithm),
            }));
      return [...plain("result"), ...plain("bcryptHash"), ...hashes];
    }
    if (type === "tls:index/privateKey:PrivateKey") {
      // The number itself: its base64 and hexadecimal are in every format that a key can have.
      return plain("privateKeyPem").map(({ value }) => {
        const { d = "" } = createPrivateKey(value).export({ format: "jwk" });
        return { name: `${name}.privateKeyPem`, value: Buffer.from(d, "base64url").toString("latin1") };
      });
    }
    return [];
  });
}

/** The stack outputs that are in such a state. */
export function outputsOf<T>(exported: string): T {
  const stack = resourcesOf(exported).find(({ type }) => type === "pulumi:pulumi:Stack");
  return decrypted(stack?.outputs) as T;
}

function resourcesOf(exported: string): Resource[] {
  return (JSON.parse(exported) as { deployment: { resources: Resource[] } }).deployment.resources;
}

function decrypted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decrypted);
  if (Object.values(value).includes(secretMark)) {
    return decrypted(JSON.parse((value as { plaintext: string }).plaintext));
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, decrypted(part)]));
}

/** Forms in which a secret may stand in a text, by their names. White space and escaped line ends are taken out of the text first. */
export function formsOf({ value }: Secret): Map<string, string> {
  const bytes = Buffer.from(value, "latin1");
  const isText = /^[\x20-\x7e]*$/.test(value);
  const forms = new Map<string, string>();
  if (isText) {
    forms.set("as it is", value.replaceAll(/\s/g, ""));
    forms.set("URL-encoded", encodeURIComponent(value));
  }
  forms.set("hexadecimal", bytes.toString("hex"));
  forms.set("upper-case hexadecimal", bytes.toString("hex").toUpperCase());
  for (const offset of [0, 1, 2]) {
    // Inside a longer text the bytes before and after a secret take part in its first and last characters.
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replaceAll("=", "");
    const whole = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    forms.set(`base64 at ${offset}`, whole);
    forms.set(`base64url at ${offset}`, whole.replaceAll("+", "-").replaceAll("/", "_"));
    forms.set(`URL-encoded base64 at ${offset}`, encodeURIComponent(whole));
  }
  return forms;
}

/** Enough of a form to look it up by; none of them is shorter. */
const keyLength = 16;

/** Every secret that is in any place in any form, as one line each; the secret itself is not shown. */
export function findLeaks(secrets: readonly Secret[], places: Places): string[] {
  const byKey = new Map<string, { name: string; form: string; needle: string }[]>();
  for (const secret of secrets) {
    for (const [form, needle] of formsOf(secret)) {
      const key = needle.slice(0, keyLength);
      byKey.set(key, [...(byKey.get(key) ?? []), { name: secret.name, form, needle }]);
    }
  }
  const found = new Set<string>();
  for (const [place, text] of places) {
    const haystack = text.replaceAll(/\s|\\[nrt]|%0[AaDd]/g, "");
    // Once through the text for all secrets together: a search for each would take a minute.
    for (let at = 0; at + keyLength <= haystack.length; at++) {
      for (const { name, form, needle } of byKey.get(haystack.slice(at, at + keyLength)) ?? []) {
        if (haystack.startsWith(needle, at)) found.add(`${name} is in ${place}, ${form}`);
      }
    }
  }
  return [...found];
}

/** Command lines of all processes that the host shows while it watches: also of those that live for a moment only. */
export class ProcessWatch {
  readonly #seen = new Set<string>();
  /** Process id → how often it was looked at: a new process still has its parent's command line for a moment. */
  #looks = new Map<string, number>();
  #stopped = false;

  /** @param intervalMs time between two looks */
  static start(intervalMs = 100): ProcessWatch {
    const watch = new ProcessWatch();
    const next = () => {
      if (!watch.#stopped) setTimeout(() => void watch.look().then(next), intervalMs).unref();
    };
    next();
    return watch;
  }

  /** Takes in what runs now. */
  async look(): Promise<void> {
    const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    this.#looks = new Map(ids.map((id) => [id, (this.#looks.get(id) ?? 0) + 1]));
    await Promise.all(
      ids.map(async (id) => {
        if ((this.#looks.get(id) ?? 0) > 3) return;
        try {
          this.#seen.add((await readFile(`/proc/${id}/cmdline`, "latin1")).replaceAll("\0", " "));
        } catch {
          // It has ended meanwhile.
        }
      }),
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  get text(): string {
    return [...this.#seen].join("\n");
  }
}

/**
 * All that Docker tells about containers, networks, volumes and their images to whoever may ask: inspect output, logs, process lists, the
 * history of images, and the files that a container has written into its own layer.
 */
export async function dockerPlaces(things: Record<"container" | "network" | "volume", string[]>): Promise<Places> {
  const places: Places = new Map();
  for (const kind of ["container", "network", "volume"] as const) {
    if (things[kind].length > 0) places.set(`${kind} inspect`, await docker([kind, "inspect", ...things[kind]]));
  }
  const containers = JSON.parse(places.get("container inspect") ?? "[]") as InspectedContainer[];
  const queue = containers.values();
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      for (const { Name, State, Mounts, HostConfig } of queue) {
        const name = Name.slice(1);
        const { stdout, stderr } = await tryDocker(["logs", name]);
        places.set(`log of ${name}`, stdout.toString("latin1") + stderr);
        if (State.Running) places.set(`processes of ${name}`, await docker(["top", name, "-eo", "pid,args"]));
        if (HostConfig.ReadonlyRootfs) continue;
        const mounted = Mounts.map(({ Destination }) => Destination);
        places.set(`layer of ${name}`, await writtenLayer(name, mounted));
      }
    }),
  );
  const images = [...new Set(containers.map(({ Image }) => Image))];
  places.set("images", await docker(["image", "inspect", ...images]));
  for (const image of images) {
    places.set(`history of ${image}`, await docker(["history", "--no-trunc", "--format", "{{json .}}", image]));
  }
  return places;
}

interface InspectedContainer {
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Running: boolean };
  readonly HostConfig: { readonly ReadonlyRootfs: boolean };
  readonly Mounts: readonly { readonly Destination: string }[];
}

/** Content of all files that a container has added or changed outside its mounts. */
async function writtenLayer(container: string, mounted: readonly string[]): Promise<string> {
  const changed = (await docker(["diff", container])).split("\n").filter((line) => line !== "");
  const changes = changed.map((line) => ({ added: line.startsWith("A "), path: line.slice(2) }));
  const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  // A new folder as a whole, a changed file alone. Copying from a mount, or from above one, would read the volume.
  const wanted = changes
    .filter(({ path, added }) => added || !changes.some((other) => other.path.startsWith(`${path}/`)))
    .map(({ path }) => path)
    .filter((path) => !mounted.some((folder) => inside(path, folder) || inside(folder, path)));
  const topmost = wanted.filter((path) => !wanted.some((other) => other !== path && inside(path, other)));
  const contents: string[] = [];
  for (const path of topmost) {
    const { exitCode, stdout } = await tryDocker(["cp", `${container}:${path}`, "-"]);
    if (exitCode === 0) contents.push(stdout.toString("latin1"));
  }
  return contents.join("\n");
}
