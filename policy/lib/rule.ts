import { UnknownValueError } from "@pulumi/policy";
import type {
  EnforcementLevel,
  PolicyComplianceFramework,
  PolicyResource,
  PolicyResourceOptions,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  Severity,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema.js";
import { Properties } from "./properties.ts";
import { CONTAINER, Container, roleOf } from "./docker.ts";
import { Stack } from "./stack.ts";

/** Where the rule pages are read. */
export const DOCUMENTATION = "https://github.com/kamailio-sbc/kamailio-sbc/blob/main/docs/policies";

/** A rule of the pack. */
export type Rule = ResourceValidationPolicy | StackValidationPolicy;

/** A written permission to break a rule: whoever has this role (or resource name) is not judged by it. */
export interface Exemption {
  /** Value of the label `sbc.role`, or the Pulumi resource's name where that label is absent. */
  readonly role: string;
  /** Why the rule cannot hold there, and what protects instead. */
  readonly reason: string;
}

/** One setting of a rule: its value when policy config says nothing, and the shape that the engine enforces. */
export interface Setting<T> {
  readonly default: T;
  readonly schema: PolicyConfigJSONSchema;
}

/** A rule's settings by name. */
export type Settings<C> = { readonly [K in keyof C]: Setting<C[K]> };

/** What every rule says about itself. */
export interface RuleInfo<C extends object> {
  /** Kebab-case; the page is `docs/policies/<name>.md`. */
  readonly name: string;
  readonly displayName: string;
  /** The rule and why it matters, one sentence each: the first thing that a reader of a violation sees. */
  readonly description: string;
  /** The level when policy config says nothing. */
  readonly level: EnforcementLevel;
  readonly severity: Severity;
  readonly framework: PolicyComplianceFramework;
  readonly tags: readonly string[];
  /** How to fix it, as one imperative sentence: it ends every violation. */
  readonly remediationSteps: string;
  readonly settings?: Settings<C>;
}

/** One resource as a resource rule sees it: its inputs, before the change. */
export interface Subject {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** What exemptions and per-role settings name: the label `sbc.role`, else the resource's name. */
  readonly role: string;
  readonly props: Properties;
  readonly options: PolicyResourceOptions;
}

/** Reports a violation: what is wrong, without any value that could be secret. */
export type Report = (problem: string) => void;

/** Reports a violation of a stack rule, at the resource that is to be changed. */
export type StackReport = (problem: string, subject?: Pick<Subject, "urn" | "role">) => void;

const exemptionsSetting: Setting<readonly Exemption[]> = {
  default: [],
  schema: {
    type: "array",
    description: "Roles that may break this rule, each with the reason.",
    items: {
      type: "object",
      properties: { role: { type: "string", minLength: 1 }, reason: { type: "string", minLength: 20 } },
      required: ["role", "reason"],
      additionalProperties: false,
    },
  },
};

/** A rule over resources of the given types, one resource at a time. */
export function resourceRule<C extends object = object>(
  types: readonly string[],
  info: RuleInfo<C>,
  check: (subject: Subject, settings: C, report: Report) => void,
): ResourceValidationPolicy {
  const readSettings = settingsReader(info);
  const validate = (args: ResourceValidationArgs, reportViolation: (message: string) => void): void => {
    // Not by `args.notApplicable`: an error with its stack for each resource and rule is dear.
    if (!types.includes(args.type)) return;
    const props = new Properties(args.props);
    const subject = {
      type: args.type,
      name: args.name,
      urn: args.urn,
      role: roleOf(props, args.name),
      props,
      options: args.opts,
    };
    const settings = readSettings(args.getConfig<Record<string, unknown>>());
    if (settings.exemptions.some((exemption) => exemption.role === subject.role)) return;
    let violations = 0;
    check(subject, settings, (problem) => {
      violations += 1;
      reportViolation(violationMessage(info, problem));
    });
    if (violations === 0) sayWhatWasUnknown(props);
  };
  // The SDK skips a policy at once, without decoding the resource again, when its type does not match this mark.
  if (types.length === 1) Object.assign(validate, { __pulumiType: types[0] });
  return { ...metadata(info), validateResource: validate };
}

/** A rule over one container at a time. */
export function containerRule<C extends object = object>(
  info: RuleInfo<C>,
  check: (container: Container, settings: C, report: Report) => void,
): ResourceValidationPolicy {
  return resourceRule([CONTAINER], info, (subject, settings, report) =>
    check(new Container(subject), settings, report),
  );
}

/** A rule over relations between the resources of a stack. It sees outputs, after all resources were registered. */
export function stackRule<C extends object = object>(
  info: RuleInfo<C>,
  check: (stack: Stack, settings: C, report: StackReport) => void,
): StackValidationPolicy {
  const readSettings = settingsReader(info);
  return {
    ...metadata(info),
    validateStack: (args: StackValidationArgs, reportViolation) => {
      const settings = readSettings(args.getConfig<Record<string, unknown>>());
      check(new Stack(args.resources.map(subjectOf)), settings, (problem, subject) => {
        if (settings.exemptions.some((exemption) => exemption.role === subject?.role)) return;
        reportViolation(violationMessage(info, problem), subject?.urn);
      });
    },
  };
}

type Reader<C> = (config: Record<string, unknown>) => C & { readonly exemptions: readonly Exemption[] };

/** Reads a rule's settings: policy config over the defaults. The engine has checked their shape; unknown names it lets pass. */
function settingsReader<C extends object>(info: Pick<RuleInfo<C>, "name" | "settings">): Reader<C> {
  const known: Record<string, Setting<unknown>> = { ...info.settings, exemptions: exemptionsSetting };
  const defaults = Object.fromEntries(Object.entries(known).map(([key, setting]) => [key, setting.default]));
  return (config) => {
    const mistake = Object.keys(config).find((key) => !(key in known));
    if (mistake !== undefined) {
      throw new Error(
        `policy config of ${info.name}: unknown setting "${mistake}"; known are enforcementLevel, ${Object.keys(known).join(", ")}`,
      );
    }
    return { ...defaults, ...config } as C & { readonly exemptions: readonly Exemption[] };
  };
}

function metadata<C extends object>(info: RuleInfo<C>) {
  const settings: Record<string, Setting<unknown>> = { ...info.settings, exemptions: exemptionsSetting };
  const properties = Object.entries(settings).map(([key, setting]) => [
    key,
    // The engine fills the defaults in from here; a copy, because it must be plain JSON.
    { ...setting.schema, default: JSON.parse(JSON.stringify(setting.default)) as object },
  ]);
  return {
    name: info.name,
    displayName: info.displayName,
    description: info.description,
    enforcementLevel: info.level,
    severity: info.severity,
    framework: info.framework,
    tags: [...info.tags],
    remediationSteps: info.remediationSteps,
    url: `${DOCUMENTATION}/${info.name}.md`,
    configSchema: { properties: Object.fromEntries(properties) as Record<string, PolicyConfigJSONSchema> },
  };
}

// The CLI prints neither remediationSteps nor url beside a violation, so both are in its text.
function violationMessage<C extends object>(info: RuleInfo<C>, problem: string): string {
  return `${problem}\nFix: ${info.remediationSteps}\nMore: docs/policies/${info.name}.md`;
}

function sayWhatWasUnknown(props: Properties): void {
  const first = props.unknowns[0];
  // The SDK turns this into an advisory note, as it does for any policy that meets an unknown value.
  if (first !== undefined) throw new UnknownValueError("04da6b54-80e4-46f7-96ec-b56ff0331ba9", first.split("."));
}

function subjectOf(resource: PolicyResource): Subject & { dependencies: Record<string, PolicyResource[]> } {
  const props = new Properties(resource.props);
  return {
    type: resource.type,
    name: resource.name,
    urn: resource.urn,
    role: roleOf(props, resource.name),
    props,
    options: resource.opts,
    dependencies: resource.propertyDependencies,
  };
}
