/** Stands for a value that a preview cannot know yet, such as the id of an image that is still to be built. */
export const UNKNOWN = Symbol("unknown in this preview");

/** What the engine sends in place of an unknown value, by its type: boolean, number, string, list, asset, archive, object. */
const SENTINELS: ReadonlySet<unknown> = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A property's value: known, absent, or unknown in this preview. */
export type Maybe<T> = T | undefined | typeof UNKNOWN;

/** The known elements of a list. `complete` is false when the list, or one of its elements, is unknown in this preview. */
export interface KnownList<T> {
  readonly items: readonly T[];
  readonly complete: boolean;
}

/**
 * Reads a resource's properties one at a time. The policy SDK hands them out behind a proxy that throws at the first
 * unknown value and then lowers the whole policy to an advisory note, so one unknown property would silence a mandatory
 * rule. Here an unknown value is a value like others: the rule goes on with the properties that are known.
 *
 * What was unknown is noted in `unknowns`, so that a rule which found nothing wrong can still say what it could not see.
 */
export class Properties {
  readonly #value: object;
  readonly #path: string;
  /** Paths of the unknown values that were read, shared by all views that stem from one resource. */
  readonly unknowns: string[];

  constructor(value: object, unknowns: string[] = [], path = "") {
    this.#value = value;
    this.#path = path;
    this.unknowns = unknowns;
  }

  /** The same properties for reads whose result does not decide: unknown values are not noted. */
  get aside(): Properties {
    return new Properties(this.#value, [], this.#path);
  }

  /** Names of the properties that are present. */
  keys(): string[] {
    return Object.keys(this.#value);
  }

  /** A property as it is; `null` counts as absent. */
  get(key: string): unknown {
    // The proxy guards `get` alone; the descriptor is the value as it came, and no error has to be made and caught for it.
    const value: unknown = Object.getOwnPropertyDescriptor(this.#value, key)?.value;
    if (!SENTINELS.has(value)) return value === null ? undefined : value;
    this.unknowns.push(this.#path + key);
    return UNKNOWN;
  }

  /** A text; numbers and booleans are spelled out. */
  string(key: string): Maybe<string> {
    const value = this.get(key);
    if (value === UNKNOWN || typeof value === "string") return value;
    return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
  }

  /** A number; a number's spelling counts too, as the engine passes it on. */
  number(key: string): Maybe<number> {
    const value = this.get(key);
    if (value === UNKNOWN || typeof value === "number") return value;
    return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))
      ? Number(value)
      : undefined;
  }

  /** A boolean; `"true"` and `"false"` count too, as the engine passes them on. */
  boolean(key: string): Maybe<boolean> {
    const value = this.get(key);
    if (value === UNKNOWN || typeof value === "boolean") return value;
    return value === "true" ? true : value === "false" ? false : undefined;
  }

  /** The texts of a list; an absent list is an empty, complete one. */
  strings(key: string): KnownList<string> {
    return this.#list(key, (list, index) => {
      const value = list.string(index);
      return value === undefined ? [] : [value];
    });
  }

  /** The objects of a list; an absent list is an empty, complete one. */
  objects(key: string): KnownList<Properties> {
    return this.#list(key, (list, index) => {
      const value = list.object(index);
      return value === undefined ? [] : [value];
    });
  }

  /** A nested object. */
  object(key: string): Maybe<Properties> {
    const value = this.get(key);
    if (value === UNKNOWN) return value;
    return value instanceof Object ? new Properties(value, this.unknowns, `${this.#path}${key}.`) : undefined;
  }

  #list<T>(key: string, read: (list: Properties, index: string) => readonly (T | typeof UNKNOWN)[]): KnownList<T> {
    const list = this.object(key);
    if (list === UNKNOWN) return { items: [], complete: false };
    if (list === undefined) return { items: [], complete: true };
    const values = list.keys().flatMap((index) => read(list, index));
    const items = values.filter((value) => value !== UNKNOWN) as T[];
    return { items, complete: items.length === values.length };
  }
}
