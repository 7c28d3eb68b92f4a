import { existsSync, readFileSync } from "node:fs";

/** Services with an image of ours, each built from `images/<service>`. */
export const imageServices = [
  "acme",
  "alertmanager",
  "asterisk",
  "exporters",
  "kamailio",
  "mariadb",
  "nginx",
  "postgres",
  "prometheus",
  "rtpengine",
] as const;
export type ImageService = (typeof imageServices)[number];

/** Where the images of a stack come from: the part `images` of its configuration. */
export interface ImageSettings {
  /** Built on this engine, or pulled from a registry by digest. */
  readonly source: "build" | "registry";
  /** Image that all are built on. */
  readonly base: string;
  /** Registry host and path, without a slash at the end. Needed with the source `registry`. */
  readonly registry?: string | undefined;
  /** File with the digests, relative to the folder of Pulumi.yaml. */
  readonly pins: string;
}

/**
 * Service → `sbc-<service>:<hash of its sources>@sha256:<digest>`. Without the registry: a copy in another registry has the same
 * digest, so a release is promoted by copying images and the file.
 */
export type ImagePins = Readonly<Partial<Record<string, string>>>;

const pinShape = /^[a-z0-9][a-z0-9._-]*:[\w][\w.-]{0,127}@sha256:[0-9a-f]{64}$/;

/** What to type for images of these sources in the registry and their digests in the file, for error messages. */
export function pinCommand({ registry, pins }: Pick<ImageSettings, "registry" | "pins">): string {
  const to = `--registry ${registry ?? "HOST[:PORT]/PATH"}`;
  const file = pins === defaultPinsFile ? "" : ` --file ${pins}`;
  return `npm run images -- push ${to}, then npm run images -- pin ${to}${file}`;
}

/** Where `npm run images` writes digests when no other file is named. */
export const defaultPinsFile = "images/pins.json";

/** The pins in a file; none when there is no such file. @throws Error naming the file when it is no JSON object */
export function readPins(file: string): ImagePins {
  if (!existsSync(file)) return {};
  let pins: unknown;
  try {
    pins = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (typeof pins !== "object" || pins === null || Array.isArray(pins)) throw new Error(`${file} is not a JSON object`);
  return pins as ImagePins;
}

/** One sentence for each service that cannot be pulled by digest; empty when every one can. */
export function pinProblems(file: string): string[] {
  let pins: ImagePins;
  try {
    pins = readPins(file);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return imageServices.flatMap((service) => {
    const pin = pins[service];
    if (pin === undefined) return [`${file} has no digest for ${service}`];
    if (typeof pin !== "string" || !pinShape.test(pin)) {
      return [`${file} has ${JSON.stringify(pin)} for ${service}, which is no name:tag@sha256:digest`];
    }
    return [];
  });
}

/** The name by which a service's image is pulled: `host/path/sbc-kamailio:tag@sha256:…`. @throws Error when there is no pin for it */
export function pinnedName(service: string, settings: ImageSettings): string {
  const pin = readPins(settings.pins)[service];
  if (settings.registry === undefined || pin === undefined) {
    throw new Error(`${settings.pins} has no digest for ${service}; to write it: ${pinCommand(settings)}`);
  }
  return `${settings.registry}/${pin}`;
}

/** What is wrong with the name of a registry, if anything: Docker takes a first part without a dot or a port for a name on Docker Hub. */
export function registryProblem(registry: string): string | undefined {
  if (registry.includes("://")) return "must be without http:// or https://";
  if (registry !== registry.toLowerCase()) return "must be in lower case";
  const [host = "", ...path] = registry.split("/");
  if (!/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/.test(host) || !(/[.:]/.test(host) || host === "localhost")) {
    return "must begin with a host, such as registry.example.com/sbc";
  }
  const wrong = path.find((part) => !/^[a-z0-9]+([._-]+[a-z0-9]+)*$/.test(part));
  return wrong === undefined ? undefined : `has ${JSON.stringify(wrong)}, which is no part of an image's name`;
}
