import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import type { PolicyPackConfig } from "@pulumi/policy";
import { configured } from "../../policy/tools/evaluate.ts";
import type { Finding, RecordedResource } from "../../policy/tools/evaluate.ts";
import type { Rule } from "../../policy/lib/rule.ts";

// The SDK's stubs are CommonJS without named exports that Node can see.
const require = createRequire(import.meta.url);
const messages = require("@pulumi/pulumi/proto/analyzer_pb.js") as typeof import("@pulumi/pulumi/proto/analyzer_pb.js");
const { AnalyzerClient } = require("@pulumi/pulumi/proto/analyzer_grpc_pb.js") as {
  AnalyzerClient: new (address: string, credentials: grpc.ChannelCredentials) => grpc.Client & Record<string, Method>;
};
// Not the copy at the top of node_modules: the SDK checks with `instanceof`.
const { Struct } = createRequire(require.resolve("@pulumi/pulumi"))("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: { fromJavaScript(value: object): never };
};
const { Empty } = createRequire(require.resolve("@pulumi/pulumi"))("google-protobuf/google/protobuf/empty_pb.js") as {
  Empty: new () => object;
};

type Method = (request: object, reply: (error: Error | null, response: unknown) => void) => void;
type Response = InstanceType<typeof messages.AnalyzeResponse>;

const LEVELS = ["advisory", "mandatory", "disabled", "remediate"] as const;

/** A policy pack in its own process, loaded as the engine loads it. The engine itself takes no part. */
export class PackProcess {
  readonly #process: ChildProcess;
  readonly #client: grpc.Client & Record<string, Method>;

  private constructor(process: ChildProcess, client: grpc.Client & Record<string, Method>) {
    this.#process = process;
    this.#client = client;
  }

  /** @param folder the pack's folder, relative to the repository */
  static async start(folder = "policy"): Promise<PackProcess> {
    const directory = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
    const child = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/run-policy-pack"), "127.0.0.1:1", "."], {
      cwd: directory,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [port] = (await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the pack ended with ${String(code)}`))),
    ])) as [Buffer];
    const client = new AnalyzerClient(`127.0.0.1:${port.toString().trim()}`, grpc.credentials.createInsecure());
    return new PackProcess(child, client);
  }

  /** What the pack says about itself. */
  async info(): Promise<import("@pulumi/pulumi/proto/analyzer_pb.js").AnalyzerInfo.AsObject> {
    const info = (await this.#call("getAnalyzerInfo", new Empty())) as InstanceType<typeof messages.AnalyzerInfo>;
    return info.toObject();
  }

  /** Sets levels and settings, as the engine does after it has merged them. */
  async configure(rules: readonly Rule[], config: PolicyPackConfig): Promise<void> {
    const request = new messages.ConfigureAnalyzerRequest();
    for (const rule of rules) {
      const { level, settings } = configured(rule, config);
      const entry = new messages.PolicyConfig();
      entry.setEnforcementlevel(LEVELS.indexOf(level) as never);
      entry.setProperties(Struct.fromJavaScript(settings));
      request.getPolicyconfigMap().set(rule.name, entry);
    }
    await this.#call("configure", request);
  }

  /** Judges resources one by one and then as a stack. */
  async analyze(resources: readonly RecordedResource[]): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const resource of resources) {
      const request = new messages.AnalyzeRequest();
      fill(request, resource);
      findings.push(...read((await this.#call("analyze", request)) as Response, resource.urn));
    }
    const stack = new messages.AnalyzeStackRequest();
    stack.setResourcesList(
      resources.map((resource) => {
        const message = new messages.AnalyzerResource();
        fill(message, resource);
        for (const [property, urns] of Object.entries(resource.propertyDependencies ?? {})) {
          const dependencies = new messages.AnalyzerPropertyDependencies();
          dependencies.setUrnsList([...urns]);
          message.getPropertydependenciesMap().set(property, dependencies);
        }
        return message;
      }),
    );
    findings.push(...read((await this.#call("analyzeStack", stack)) as Response));
    return findings;
  }

  /** Milliseconds of processor time that the pack's process has used since its start; the load of the machine hardly moves it. */
  processorTime(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8");
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13);
    // Linux counts them in hundredths of a second.
    return (Number(user) + Number(system)) * 10;
  }

  async stop(): Promise<void> {
    this.#client.close();
    const ended = once(this.#process, "exit");
    this.#process.kill();
    await ended;
  }

  #call(method: string, request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#client[method]?.(request, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }
}

function fill(
  message: InstanceType<typeof messages.AnalyzeRequest> | InstanceType<typeof messages.AnalyzerResource>,
  { type, name, urn, props, options }: RecordedResource,
): void {
  const wire = new messages.AnalyzerResourceOptions();
  wire.setProtect(options?.protect === true);
  wire.setDeletebeforereplace(options?.deleteBeforeReplace === true);
  wire.setDeletebeforereplacedefined(options?.deleteBeforeReplace !== undefined);
  message.setType(type);
  message.setName(name);
  message.setUrn(urn);
  message.setProperties(Struct.fromJavaScript(props));
  message.setOptions(wire);
}

function read(response: Response, urn?: string): readonly Finding[] {
  return response.getDiagnosticsList().map((diagnostic) => ({
    rule: diagnostic.getPolicyname(),
    level: LEVELS[diagnostic.getEnforcementlevel()] ?? "advisory",
    urn: urn ?? (diagnostic.getUrn() === "" ? undefined : diagnostic.getUrn()),
    message: diagnostic.getMessage(),
    undecided: diagnostic.getMessage().startsWith("can't run policy"),
  }));
}
