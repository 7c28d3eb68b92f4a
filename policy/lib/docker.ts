import type { Subject } from "./rule.ts";
import { UNKNOWN } from "./properties.ts";
import type { KnownList, Maybe, Properties } from "./properties.ts";

export const CONTAINER = "docker:index/container:Container";
export const IMAGE = "docker:index/remoteImage:RemoteImage";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";

/** Label that names what a container or network is for; rules and exemptions are keyed on it. */
export const ROLE_LABEL = "sbc.role";
/** Label that names the part of the stack: edge, voice, media, data or monitoring. */
export const PLANE_LABEL = "sbc.plane";
/** Role of the one-shot containers that fill a volume or apply SQL. */
export const JOB = "job";

/** A mount of any spelling: `volumes[]` and `mounts[]` are two ways to say the same. */
export interface Mount {
  readonly kind: "bind" | "volume" | "tmpfs" | "other";
  /** Host path of a bind, name of a volume. */
  readonly source: Maybe<string>;
  readonly target: Maybe<string>;
  readonly readOnly: Maybe<boolean>;
  readonly propagation: Maybe<string>;
}

/** A published port. */
export interface Port {
  readonly internal: Maybe<number>;
  readonly external: Maybe<number>;
  readonly ip: Maybe<string>;
  readonly protocol: Maybe<string>;
}

/** A file that is put into a container before it starts. */
export interface Upload {
  readonly file: Maybe<string>;
  /** Text of the file, decoded; unknown for files that are read from disk by the provider. */
  readonly content: Maybe<string>;
  readonly permissions: Maybe<string>;
}

/** One entry of `envs`. */
export interface Environment {
  readonly key: string;
  readonly value: string;
}

/** A container's properties in the words of the rules. */
export class Container {
  readonly subject: Subject;
  readonly role: string;
  readonly plane: string | undefined;
  readonly props: Properties;

  constructor(subject: Subject) {
    this.subject = subject;
    this.role = subject.role;
    this.props = subject.props;
    this.plane = labelOf(subject.props, PLANE_LABEL);
  }

  /** Does it run to its end and then stay stopped? Such a container has no health, restart policy or grace period. */
  get oneShot(): boolean {
    return (
      this.role === JOB ||
      (this.props.aside.boolean("mustRun") === false && this.props.aside.boolean("attach") === true)
    );
  }

  ports(): KnownList<Port> {
    return mapList(this.props.objects("ports"), (port) => ({
      internal: port.number("internal"),
      external: port.number("external"),
      ip: port.string("ip"),
      protocol: port.string("protocol") ?? "tcp",
    }));
  }

  mounts(): KnownList<Mount> {
    const volumes = mapList(this.props.objects("volumes"), (volume): Mount => {
      const hostPath = volume.string("hostPath");
      return {
        kind: hostPath === undefined ? "volume" : "bind",
        source: hostPath ?? volume.string("volumeName"),
        target: volume.string("containerPath"),
        readOnly: volume.boolean("readOnly"),
        propagation: undefined,
      };
    });
    const mounts = mapList(this.props.objects("mounts"), (mount): Mount => {
      const type = mount.string("type");
      const bindOptions = mount.object("bindOptions");
      return {
        kind: type === "bind" || type === "volume" || type === "tmpfs" ? type : "other",
        source: mount.string("source"),
        target: mount.string("target"),
        readOnly: mount.boolean("readOnly"),
        propagation:
          bindOptions === undefined || bindOptions === UNKNOWN ? bindOptions : bindOptions.string("propagation"),
      };
    });
    return { items: [...volumes.items, ...mounts.items], complete: volumes.complete && mounts.complete };
  }

  /** Bind mounts whose host path is known. */
  bindSources(): readonly { path: string; mount: Mount }[] {
    return this.mounts().items.flatMap((mount) =>
      mount.kind === "bind" && typeof mount.source === "string" ? [{ path: normalPath(mount.source), mount }] : [],
    );
  }

  /**
   * Files that are uploaded. One generated secret makes the whole list unknown in a stack's first preview, as a matter of course, so
   * that is not noted; `up` judges the list again before the container is made.
   */
  uploads(): readonly Upload[] {
    return this.props.aside.objects("uploads").items.map((upload) => ({
      file: upload.string("file"),
      content: contentOf(upload),
      permissions: upload.string("permissions"),
    }));
  }

  environment(): readonly Environment[] {
    return this.props.aside.strings("envs").items.map((entry) => {
      const cut = entry.indexOf("=");
      return cut < 0 ? { key: entry, value: "" } : { key: entry.slice(0, cut), value: entry.slice(cut + 1) };
    });
  }

  /** Names of the networks that it joins. */
  networks(): KnownList<string> {
    const networks = this.props.objects("networksAdvanced");
    const names = networks.items.map((network) => network.string("name"));
    const known = names.filter((name) => typeof name === "string");
    return { items: known, complete: networks.complete && known.length === names.length };
  }

  /** Its own address on the networks that it joins, where one is set. */
  addresses(): readonly string[] {
    return this.props.aside
      .objects("networksAdvanced")
      .items.map((network) => network.string("ipv4Address"))
      .filter((address) => typeof address === "string");
  }
}

/** The value of a label, when it is set and known. */
export function labelOf(props: Properties, label: string): string | undefined {
  for (const entry of props.aside.objects("labels").items) {
    if (entry.string("label") !== label) continue;
    const value = entry.string("value");
    return typeof value === "string" ? value : undefined;
  }
  return undefined;
}

/** What exemptions and per-role settings name: the label `sbc.role`, else the resource's name. */
export function roleOf(props: Properties, name: string): string {
  return labelOf(props, ROLE_LABEL) ?? name;
}

/** A published port as `5061/tcp`. */
export function portName(port: Port): string {
  const number = typeof port.external === "number" ? port.external : "?";
  return `${number}/${typeof port.protocol === "string" ? port.protocol : "?"}`;
}

/** A path without `.`, `..`, doubled or trailing slashes. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function contentOf(upload: Properties): Maybe<string> {
  const encoded = upload.string("contentBase64");
  if (encoded === UNKNOWN) return UNKNOWN;
  if (encoded !== undefined) return Buffer.from(encoded, "base64").toString("utf8");
  return upload.string("content") ?? (upload.get("source") === undefined ? undefined : UNKNOWN);
}

function mapList<T, U>(list: KnownList<T>, map: (item: T) => U): KnownList<U> {
  return { items: list.items.map(map), complete: list.complete };
}
