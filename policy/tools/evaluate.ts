import { UnknownValueError, unknownCheckingProxy } from "@pulumi/policy";
import type {
  EnforcementLevel,
  PolicyPackConfig,
  PolicyResource,
  PolicyResourceOptions,
  ResourceValidation,
} from "@pulumi/policy";
import type { Rule } from "../lib/rule.ts";

/** A resource as the engine hands it to a policy pack; unknown values are the SDK's marks. */
export interface RecordedResource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly props: Record<string, unknown>;
  readonly options?: Partial<PolicyResourceOptions>;
  /** Property → URNs of the resources that its value was made from. */
  readonly propertyDependencies?: Readonly<Record<string, readonly string[]>>;
}

/** What a rule said. */
export interface Finding {
  readonly rule: string;
  readonly level: EnforcementLevel;
  /** The resource that is to be changed; absent for the stack as a whole. */
  readonly urn: string | undefined;
  readonly message: string;
  /** The rule found nothing wrong, but could not see a value that a preview does not know. */
  readonly undecided: boolean;
}

/**
 * Runs rules over recorded resources in this process, without engine and pack process: for unit tests and for the checks of
 * exemptions. Levels and settings are merged as the engine does it.
 */
export async function evaluate(
  rules: readonly Rule[],
  resources: readonly RecordedResource[],
  config: PolicyPackConfig = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const policyResources = linked(resources);
  for (const rule of rules) {
    const { level, settings } = configured(rule, config);
    if (level === "disabled") continue;
    const add = (message: string, urn: string | undefined, undecided = false): void => {
      findings.push({ rule: rule.name, level: undecided ? "advisory" : level, urn, message, undecided });
    };
    const common = {
      stackTags: new Map<string, string>(),
      getConfig: <T extends object>() => settings as T,
      notApplicable,
    };
    if ("validateStack" in rule) {
      const args = { ...common, resources: policyResources };
      await guarded(() => rule.validateStack(args, (message, urn) => add(message, urn)), add);
      continue;
    }
    for (const resource of policyResources) {
      for (const validate of [rule.validateResource ?? []].flat() as ResourceValidation[]) {
        const marked: unknown = Reflect.get(validate, "__pulumiType");
        if (marked !== undefined && marked !== resource.type) continue;
        const args = { ...common, ...resource };
        await guarded(
          () => validate(args as never, (message) => add(message, resource.urn)),
          (message) => add(message, resource.urn, true),
        );
      }
    }
  }
  return findings;
}

/** A rule's level and settings under a policy config. */
export function configured(
  rule: Rule,
  config: PolicyPackConfig,
): { readonly level: EnforcementLevel; readonly settings: Record<string, unknown> } {
  const own = config[rule.name];
  const all = config["all"];
  const { enforcementLevel, ...settings } = typeof own === "object" ? own : { enforcementLevel: own };
  return {
    level:
      enforcementLevel ??
      (typeof all === "string" ? all : all?.enforcementLevel) ??
      rule.enforcementLevel ??
      "mandatory",
    settings,
  };
}

class NotApplicable extends Error {}

function notApplicable(reason?: string): never {
  throw new NotApplicable(reason);
}

async function guarded(
  run: () => Promise<void> | void,
  undecided: (message: string, urn: undefined, undecided: true) => void,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof NotApplicable) return;
    if (!(error instanceof UnknownValueError)) throw error;
    // The SDK exports the class without its type.
    undecided((error as Error).message, undefined, true);
  }
}

function linked(resources: readonly RecordedResource[]): PolicyResource[] {
  const byUrn = new Map<string, PolicyResource>();
  for (const { type, name, urn, props, options } of resources) {
    byUrn.set(urn, {
      type,
      name,
      urn,
      props: unknownCheckingProxy(props) as Record<string, unknown>,
      opts: {
        protect: false,
        ignoreChanges: [],
        aliases: [],
        customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
        additionalSecretOutputs: [],
        ...options,
      },
      dependencies: [],
      propertyDependencies: {},
      isType: (resourceClass) => Reflect.get(resourceClass, "__pulumiType") === type,
      asType: () => undefined,
    });
  }
  for (const { urn, propertyDependencies = {} } of resources) {
    const target = byUrn.get(urn)?.propertyDependencies ?? {};
    for (const [property, urns] of Object.entries(propertyDependencies)) {
      target[property] = urns.flatMap((dependency) => byUrn.get(dependency) ?? []);
    }
  }
  return [...byUrn.values()];
}
