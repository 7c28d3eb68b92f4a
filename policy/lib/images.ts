/** The parts of an image name. */
export interface ImageName {
  /** Registry host; `docker.io` when none is written. */
  readonly registry: string;
  /** Repository within the registry: `grafana/grafana`. */
  readonly path: string;
  /** Last part of the repository: `grafana` of `docker.io/grafana/grafana`. */
  readonly product: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Splits `registry:5000/path/name:tag@sha256:…` by Docker's own rules. */
export function parseImageName(name: string): ImageName {
  const [reference = "", digest] = name.split("@", 2);
  const slash = reference.lastIndexOf("/");
  const colon = reference.indexOf(":", slash + 1);
  const repository = colon < 0 ? reference : reference.slice(0, colon);
  const first = repository.split("/")[0] ?? "";
  // Docker takes the first part for a host only when it looks like one.
  const hasHost = repository.includes("/") && (/[.:]/.test(first) || first === "localhost");
  return {
    registry: hasHost ? first : "docker.io",
    path: hasHost ? repository.slice(first.length + 1) : repository,
    product: repository.slice(repository.lastIndexOf("/") + 1),
    tag: colon < 0 ? undefined : reference.slice(colon + 1),
    digest,
  };
}

/** Is this the content address of an image on the host, as `RemoteImage.imageId` gives it? */
export function isImageId(name: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(name);
}
