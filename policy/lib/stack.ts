import type { PolicyResource } from "@pulumi/policy";
import { CONTAINER, Container, JOB, NETWORK, PLANE_LABEL, VOLUME, labelOf } from "./docker.ts";
import type { Upload } from "./docker.ts";
import type { Subject } from "./rule.ts";

/** A resource of the stack with the resources that its properties were made from. */
export interface Member extends Subject {
  readonly dependencies: Readonly<Record<string, readonly PolicyResource[]>>;
}

/** A Docker network of the stack. */
export interface Network {
  readonly member: Member;
  readonly name: string;
  readonly internal: boolean;
  readonly plane: string | undefined;
}

/** A container of the stack. */
export class MemberContainer extends Container {
  readonly member: Member;

  constructor(member: Member) {
    super(member);
    this.member = member;
  }
}

/** A file on its way into a container or a volume. */
export interface StagedFile {
  readonly path: string;
  readonly upload: Upload;
}

/** The whole stack in the words of the stack rules. */
export class Stack {
  readonly members: readonly Member[];
  readonly containers: readonly MemberContainer[];
  /** Containers that keep running. */
  readonly services: readonly MemberContainer[];
  readonly networks: ReadonlyMap<string, Network>;
  readonly volumes: readonly Member[];

  constructor(members: readonly Member[]) {
    this.members = members;
    this.containers = this.ofType(CONTAINER).map((member) => new MemberContainer(member));
    this.services = this.containers.filter((container) => !container.oneShot);
    this.volumes = this.ofType(VOLUME);
    this.networks = new Map(
      this.ofType(NETWORK).flatMap((member) => {
        const name = member.props.string("name");
        if (typeof name !== "string") return [];
        const internal = member.props.boolean("internal") === true;
        return [[name, { member, name, internal, plane: labelOf(member.props, PLANE_LABEL) }] as const];
      }),
    );
  }

  ofType(type: string): readonly Member[] {
    return this.members.filter((member) => member.type === type);
  }

  /** Services of a role. */
  withRole(role: string): readonly MemberContainer[] {
    return this.services.filter((container) => container.role === role);
  }

  /** Is this a stack whose containers carry this project's labels? The rules of the stack judge no other. */
  get labelled(): boolean {
    return this.containers.some(
      (container) => labelOf(container.props, PLANE_LABEL) !== undefined || container.role === JOB,
    );
  }

  /** The volume of this stack with that name. */
  volumeNamed(name: string): Member | undefined {
    return this.volumes.find((volume) => volume.props.string("name") === name);
  }

  /** The files that a service sees: its own uploads, and those of the jobs that write to a volume which it mounts. */
  filesFor(service: MemberContainer): readonly StagedFile[] {
    return this.#stagersFor(service).flatMap(stagedFiles);
  }

  /** Are these all of its files? A preview does not know those that are made from what is yet to be generated. */
  knowsFilesFor(service: MemberContainer): boolean {
    return this.#stagersFor(service).every(({ props }) => props.aside.objects("uploads").complete);
  }

  #stagersFor(service: MemberContainer): readonly MemberContainer[] {
    const volumes = volumesOf(service);
    return this.containers.filter(
      (container) =>
        container === service || (container.oneShot && volumesOf(container).some((name) => volumes.includes(name))),
    );
  }

  /** Every known text that jobs put somewhere: uploads and arguments. */
  texts(): readonly string[] {
    return this.containers.flatMap((container) => [
      ...container
        .uploads()
        .map(({ content }) => content)
        .filter((content) => typeof content === "string"),
      ...container.props.strings("command").items,
    ]);
  }
}

function stagedFiles(container: Container): readonly StagedFile[] {
  return container
    .uploads()
    .flatMap((upload) => (typeof upload.file === "string" ? [{ path: upload.file, upload }] : []));
}

function volumesOf(container: Container): readonly string[] {
  return container
    .mounts()
    .items.flatMap((mount) => (mount.kind === "volume" && typeof mount.source === "string" ? [mount.source] : []));
}
