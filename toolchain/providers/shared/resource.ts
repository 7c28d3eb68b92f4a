import type { AnyProperties, Properties } from "./properties.ts";

/** Outputs of a resource, keyed as in the official SDK class. */
export type Outputs = Record<string, unknown>;

/** What an operation on the real thing may use. */
export interface Operation {
  /** Aborted when the engine cancels, when the operation's own timeout passes, and when the engine has gone. */
  readonly signal: AbortSignal;
}

/** What `create` and `read` learn about the real thing. */
export interface Actual<Inputs> {
  readonly id: string;
  /** Outputs beside the inputs. */
  readonly outputs: Outputs;
  /** Inputs that no longer hold, by what was found instead. */
  readonly drift?: Partial<Inputs>;
}

/** A resource type of a stand-in provider. `Inputs` is the official SDK's argument type with every `Input` resolved. */
export interface Resource<Inputs> {
  readonly properties: Properties<Inputs>;
  /** Outputs that only the real operation tells; unknown in a preview. */
  readonly computed: readonly string[];
  /** When the old one must go first: it always holds something that the new one needs, or while both have one name. */
  readonly deleteBeforeReplace?: "always" | "sameName";
  /** Give a missing `name` the resource's own name and a random suffix. */
  readonly autoname?: true;
  /** Mistakes in inputs, as `property: reason`; unknown values must pass. */
  problems?(inputs: Inputs): readonly Problem[];
  /** Properties that force a replacement although no input changed. */
  expired?(inputs: Inputs, outputs: Outputs): readonly string[];
  /** Properties that the state knows to be other than the inputs ask for, so that an update must mend them. */
  drifted?(inputs: Inputs, outputs: Outputs): readonly string[];
  create(inputs: Inputs, operation: Operation): Promise<Actual<Inputs>>;
  /** The real thing as it is now; `undefined` when it has gone. Left out: nothing but the state exists. */
  read?(id: string, inputs: Inputs, outputs: Outputs, operation: Operation): Promise<Actual<Inputs> | undefined>;
  /** Applies what changed in place and returns the outputs that changed with it. */
  update?(id: string, inputs: Inputs, oldInputs: Inputs, operation: Operation): Promise<Outputs>;
  /** Removes the real thing; one that has gone already is no error. */
  delete?(id: string, inputs: Inputs, operation: Operation): Promise<void>;
}

/** A mistake in one property, told before anything is touched. */
export interface Problem {
  readonly property: string;
  readonly reason: string;
}

/** A resource with its input type erased, as the protocol side handles it. */
export type AnyResource = Omit<Resource<Record<string, unknown>>, "properties"> & {
  readonly properties: AnyProperties;
};

/** Erases the input type: the one place where the wire's untyped values meet the official types. */
export function resource<Inputs>(definition: Resource<Inputs>): AnyResource {
  return definition as unknown as AnyResource;
}

/** A resource that exists but did not become what was asked for; the engine keeps it in its state, marked as such. */
export class IncompleteResource extends Error {
  readonly id: string;
  readonly outputs: Outputs;

  constructor(id: string, outputs: Outputs, reason: string) {
    super(reason);
    this.id = id;
    this.outputs = outputs;
  }
}
