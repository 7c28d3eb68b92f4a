import { randomBytes } from "node:crypto";
import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import services from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import type {
  CheckRequest,
  ConfigureRequest,
  CreateRequest,
  DeleteRequest,
  DiffRequest,
  InvokeRequest,
  ReadRequest,
  UpdateRequest,
} from "@pulumi/pulumi/proto/provider_pb.js";
import type { JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { difference } from "./diff.ts";
import { logInfo } from "./engine-log.ts";
import { uncoveredPaths } from "./properties.ts";
import { IncompleteResource, type AnyResource, type Operation, type Outputs } from "./resource.ts";
import { serve, unary } from "./serve.ts";
import { unknown } from "./unknown.ts";

/** A stand-in provider. */
export interface Provider {
  /** Package name, such as `docker`. */
  readonly name: string;
  /** Version of the SDK package whose resources it stands in for. */
  readonly version: string;
  /** Keys of the provider's configuration that are covered. */
  readonly configKeys: readonly string[];
  /** By type token; loaded when the first one is asked for. */
  readonly resources: Readonly<Record<string, () => Promise<AnyResource>>>;
  /** Takes the configuration; throws when what it names cannot be used. */
  configure?(config: Readonly<Record<string, string>>): Promise<void>;
}

type Values = Record<string, unknown>;

/** Serves `provider` to the engine whose address is the first of `argv`. */
export async function startProvider(provider: Provider, argv: readonly string[]): Promise<void> {
  const engineAddress = argv.find((argument) => !argument.startsWith("-")) ?? "";
  const cancellation = new AbortController();
  const running = new Set<Promise<unknown>>();
  const cancel = async (): Promise<void> => {
    cancellation.abort(new Error("cancelled"));
    await Promise.allSettled(running);
  };
  const describe = `${provider.name} ${provider.version} stand-in`;

  async function find(type: string): Promise<AnyResource> {
    const load = Object.hasOwn(provider.resources, type) ? provider.resources[type] : undefined;
    if (load === undefined) throw new Error(`${type} is not covered by the ${describe}; the official plugin has it`);
    return load();
  }

  /** Runs something that changes or reads the real world, so that a cancellation can reach it and wait for its end. */
  async function operate<T>(timeoutSeconds: number, work: (operation: Operation) => Promise<T>): Promise<T> {
    const expiry = new AbortController();
    const reason = new Error(`not finished within ${timeoutSeconds} s (the resource's customTimeouts)`);
    const timer = timeoutSeconds > 0 ? setTimeout(() => expiry.abort(reason), timeoutSeconds * 1000) : undefined;
    const promise = work({ signal: AbortSignal.any([cancellation.signal, expiry.signal]) });
    running.add(promise);
    try {
      return await promise;
    } finally {
      running.delete(promise);
      clearTimeout(timer);
    }
  }

  await serve(
    services.ResourceProviderService,
    {
      getPluginInfo: unary(() => new pluginMessages.PluginInfo().setVersion(provider.version)),

      checkConfig: unary((request: CheckRequest) => {
        const response = new messages.CheckResponse().setInputs(request.getNews());
        for (const key of Object.keys(values(request.getNews()))) {
          if (key === "version" || provider.configKeys.includes(key)) continue;
          const reason = `${provider.name}:${key} is not covered by the ${describe}; the official plugin has it`;
          response.addFailures(new messages.CheckFailure().setProperty(key).setReason(reason));
        }
        return response;
      }),

      diffConfig: unary((request: DiffRequest) => {
        const changed = differingKeys(values(request.getOldInputs()), values(request.getNews()));
        return new messages.DiffResponse()
          .setChanges(changed.length > 0 ? Changes.DIFF_SOME : Changes.DIFF_NONE)
          .setDiffsList(changed);
      }),

      configure: unary(async (request: ConfigureRequest) => {
        const config = Object.fromEntries(
          Object.entries(values(request.getArgs())).map(([key, value]) => [key, String(value)]),
        );
        await provider.configure?.(config);
        await logInfo(engineAddress, `${provider.name}: this repository's stand-in, not the official plugin`);
        // Without secrets in the inputs, the engine itself marks an output secret when the input of that name is.
        return new messages.ConfigureResponse().setSupportspreview(true);
      }),

      check: unary(async (request: CheckRequest) => {
        const { type, name } = parseUrn(request.getUrn());
        const definition = await find(type);
        const inputs = values(request.getNews());
        if (definition.autoname && inputs.name === undefined) {
          inputs.name = values(request.getOlds()).name ?? `${name}-${suffix(request.getRandomseed_asU8())}`;
        }
        const response = new messages.CheckResponse().setInputs(struct(inputs));
        const uncovered = uncoveredPaths(definition.properties, inputs).map((property) => ({
          property,
          reason: `not covered by the ${describe}; the official plugin may have it (${type})`,
        }));
        const problems = uncovered.length > 0 ? uncovered : (definition.problems?.(inputs) ?? []);
        for (const { property, reason } of problems) {
          response.addFailures(new messages.CheckFailure().setProperty(property).setReason(`${property}: ${reason}`));
        }
        return response;
      }),

      diff: unary(async (request: DiffRequest) => {
        const definition = await find(parseUrn(request.getUrn()).type);
        const [olds, news] = [values(request.getOldInputs()), values(request.getNews())];
        const outputs = values(request.getOlds());
        const differences = difference(definition.properties, olds, news);
        const expired = definition.expired?.(news, outputs) ?? [];
        const drifted = definition.drifted?.(news, outputs) ?? [];

        const response = new messages.DiffResponse().setHasdetaileddiff(true);
        const details = response.getDetaileddiffMap();
        for (const { path, kind, replace } of differences) {
          details.set(path, new messages.PropertyDiff().setInputdiff(true).setKind(kinds[kind][replace ? 1 : 0]));
        }
        for (const path of drifted) details.set(path, new messages.PropertyDiff().setKind(Kind.UPDATE));
        for (const path of expired) {
          details.set(path, new messages.PropertyDiff().setKind(Kind.UPDATE_REPLACE));
        }
        const replaces = [...differences.filter(({ replace }) => replace).map(({ path }) => root(path)), ...expired];
        const deleteFirst =
          definition.deleteBeforeReplace === "always" ||
          (definition.deleteBeforeReplace === "sameName" && olds.name === news.name);
        return response
          .setChanges(details.getLength() > 0 ? Changes.DIFF_SOME : Changes.DIFF_NONE)
          .setDiffsList([...new Set([...differences.map(({ path }) => root(path)), ...drifted, ...expired])])
          .setReplacesList([...new Set(replaces)])
          .setDeletebeforereplace(deleteFirst);
      }),

      create: unary(async (request: CreateRequest) => {
        const definition = await find(parseUrn(request.getUrn()).type);
        const inputs = values(request.getProperties());
        if (request.getPreview()) {
          const unknowns = Object.fromEntries(definition.computed.map((name) => [name, unknown]));
          return new messages.CreateResponse().setProperties(struct({ ...unknowns, ...inputs }));
        }
        const { id, outputs } = await operate(request.getTimeout(), (operation) =>
          withState(inputs, () => definition.create(inputs, operation)),
        );
        return new messages.CreateResponse().setId(id).setProperties(struct({ ...inputs, ...outputs }));
      }),

      read: unary(async (request: ReadRequest) => {
        const definition = await find(parseUrn(request.getUrn()).type);
        const [inputs, outputs] = [values(request.getInputs()), values(request.getProperties())];
        if (Object.keys(outputs).length === 0) {
          throw new Error(`import and get() are not covered by the ${describe}; the official plugin has them`);
        }
        if (definition.read === undefined) {
          return new messages.ReadResponse()
            .setId(request.getId())
            .setProperties(request.getProperties())
            .setInputs(request.getInputs());
        }
        const { read } = definition;
        const actual = await operate(request.getTimeout(), (operation) =>
          read(request.getId(), inputs, outputs, operation),
        );
        // An answer without an id says that the resource has gone.
        if (actual === undefined) return new messages.ReadResponse();
        return new messages.ReadResponse()
          .setId(actual.id)
          .setProperties(struct({ ...outputs, ...actual.outputs, ...actual.drift }))
          .setInputs(struct({ ...inputs, ...actual.drift }));
      }),

      update: unary(async (request: UpdateRequest) => {
        const definition = await find(parseUrn(request.getUrn()).type);
        const [inputs, oldInputs] = [values(request.getNews()), values(request.getOldInputs())];
        const kept = computedOnly(values(request.getOlds()), definition);
        if (request.getPreview()) return new messages.UpdateResponse().setProperties(struct({ ...kept, ...inputs }));
        const { update } = definition;
        const changed = await operate(request.getTimeout(), (operation) =>
          withState({ ...kept, ...inputs }, async () => update?.(request.getId(), inputs, oldInputs, operation)),
        );
        return new messages.UpdateResponse().setProperties(struct({ ...kept, ...inputs, ...changed }));
      }),

      delete: unary(async (request: DeleteRequest) => {
        const definition = await find(parseUrn(request.getUrn()).type);
        // The engine keeps what it last sent in; what a removal needs to know is among the outputs as well.
        const inputs = values(request.getProperties());
        await operate(request.getTimeout(), async (operation) =>
          definition.delete?.(request.getId(), inputs, operation),
        );
        return new emptyPb.Empty();
      }),

      invoke: unary((request: InvokeRequest): never => {
        throw new Error(`the function ${request.getTok()} is not covered by the ${describe}`);
      }),

      cancel: unary(() => {
        // The engine goes on to wait for its own calls; these end as soon as each has cleaned up after itself.
        void cancel();
        return new emptyPb.Empty();
      }),
    },
    cancel,
  );
}

const Changes = messages.DiffResponse.DiffChanges;
const { Kind } = messages.PropertyDiff;
const kinds = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
} as const;

/** Turns an incomplete resource into the error by which the engine learns that it exists (errors carry no payload). */
async function withState<T>(inputs: Values, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof IncompleteResource ? initializationFailed(error, inputs) : error;
  }
}

function initializationFailed(error: IncompleteResource, inputs: Values): ServiceError {
  const detail = new messages.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(struct(withoutBulk({ ...inputs, ...error.outputs })))
    .setReasonsList([error.message]);
  const packed = new anyPb.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const payload = new statusPb.Status().setCode(status.UNKNOWN).setMessage(error.message);
  payload.addDetails(packed);
  const metadata = new Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(payload.serializeBinary()));
  return Object.assign(new Error(error.message), { code: status.UNKNOWN, details: error.message, metadata });
}

/**
 * Leaves out what is long, such as uploads: the payload travels in HTTP/2 headers, which Node limits to 64 KiB in all.
 * Nothing is lost by it: the engine keeps the inputs as well, and those are what the next difference is taken from.
 */
function withoutBulk(outputs: Values): Values {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => JSON.stringify(value ?? null).length < 2048));
}

/** Outputs that are no inputs: an input that the program dropped must not live on in the outputs. */
function computedOnly(outputs: Outputs, definition: AnyResource): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).filter(([name]) => !(name in definition.properties) || definition.computed.includes(name)),
  );
}

function differingKeys(olds: Values, news: Values): string[] {
  return [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (key) => key !== "version" && JSON.stringify(olds[key]) !== JSON.stringify(news[key]),
  );
}

function values(struct: Struct | undefined): Values {
  return struct?.toJavaScript() ?? {};
}

function struct(object: Readonly<Values>): Struct {
  const defined = Object.entries(object).filter(([, value]) => value !== undefined);
  return structPb.Struct.fromJavaScript(Object.fromEntries(defined) as Record<string, JavaScriptValue>);
}

function parseUrn(urn: string): { type: string; name: string } {
  const [, , types = "", ...name] = urn.replace(/^urn:pulumi:/, "").split("::");
  return { type: types.slice(types.lastIndexOf("$") + 1), name: name.join("::") };
}

function root(path: string): string {
  return path.replace(/[.[].*$/s, "");
}

/** Seven hexadecimal digits, from the engine's seed when there is one so that a plan and its update agree. */
function suffix(seed: Uint8Array): string {
  return Buffer.from(seed.length >= 4 ? seed.slice(0, 4) : randomBytes(4))
    .toString("hex")
    .slice(0, 7);
}
