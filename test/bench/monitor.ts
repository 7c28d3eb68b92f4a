import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import * as grpc from "@grpc/grpc-js";

// The SDK's stubs are CommonJS without named exports that Node can see.
const require = createRequire(import.meta.url);
const resourceService = require("@pulumi/pulumi/proto/resource_grpc_pb.js") as {
  ResourceMonitorService: grpc.ServiceDefinition;
};
const resource = require("@pulumi/pulumi/proto/resource_pb.js") as typeof import("@pulumi/pulumi/proto/resource_pb.js");
const engineService = require("@pulumi/pulumi/proto/engine_grpc_pb.js") as { EngineService: grpc.ServiceDefinition };
const engine = require("@pulumi/pulumi/proto/engine_pb.js") as typeof import("@pulumi/pulumi/proto/engine_pb.js");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js") as {
  Empty: new () => object;
};

type Call<Request> = grpc.ServerUnaryCall<Request, unknown>;
type Reply = grpc.sendUnaryData<unknown>;

/** What one run of a Pulumi program cost, without engine and plugins. */
export interface ProgramRun {
  /** Milliseconds from the start of the process to its last registration. */
  lastRegistrationMs: number;
  /** Registered resources per type token, the stack itself included. */
  types: Map<string, number>;
}

/** How to run a program under the stand-in monitor. */
export interface ProgramOptions {
  /** Folder of the program's Pulumi.yaml. */
  directory: string;
  /** Node binary. */
  node: string;
  /** Arguments to Node, as in `runtime.options.nodeargs`. */
  nodeArgs: readonly string[];
  /** Stack configuration: `project:key` → value (objects as JSON). */
  config: Readonly<Record<string, string>>;
  /** Keys of `config` whose values are secret. Default: none. */
  secretKeys?: readonly string[];
  /** Stack name. */
  stack: string;
  /** Called with each registration and the URN that it was answered with. */
  onRegister?: (request: Registration, urn: string) => void;
}

/** A resource as the program registers it. */
export type Registration = InstanceType<typeof resource.RegisterResourceRequest>;

/**
 * Runs a program's process as a preview under a stand-in of the engine's resource monitor, which answers at once with
 * the inputs. So the time is the program's own: engine, plugins and Docker take no part in it.
 */
export async function runUnderMonitor(options: ProgramOptions): Promise<ProgramRun> {
  const types = new Map<string, number>();
  let last = 0;
  let root = "";
  const errors: string[] = [];
  const server = new grpc.Server();
  server.addService(resourceService.ResourceMonitorService, {
    supportsFeature: (call: Call<{ getId(): string }>, reply: Reply) => {
      const response = new resource.SupportsFeatureResponse();
      response.setHassupport(!/transform/i.test(call.request.getId()));
      reply(null, response);
    },
    registerResource: (call: Call<Registration>, reply: Reply) => {
      const request = call.request;
      const type = request.getType();
      last = performance.now();
      types.set(type, (types.get(type) ?? 0) + 1);
      const response = new resource.RegisterResourceResponse();
      const urn = `urn:pulumi:${options.stack}::bench::${type}::${request.getName()}`;
      options.onRegister?.(request, urn);
      response.setUrn(urn);
      // No id: in a preview the engine does not know it either.
      response.setObject(request.getObject());
      reply(null, response);
    },
    registerResourceOutputs: (_call: Call<object>, reply: Reply) => reply(null, new Empty()),
    signalAndWaitForShutdown: (_call: Call<object>, reply: Reply) => reply(null, new Empty()),
  });
  server.addService(engineService.EngineService, {
    log: (call: Call<{ getSeverity(): number; getMessage(): string }>, reply: Reply) => {
      if (call.request.getSeverity() >= engine.LogSeverity.ERROR) errors.push(call.request.getMessage());
      reply(null, new Empty());
    },
    getRootResource: (_call: Call<object>, reply: Reply) => {
      const response = new engine.GetRootResourceResponse();
      response.setUrn(root);
      reply(null, response);
    },
    setRootResource: (call: Call<{ getUrn(): string }>, reply: Reply) => {
      root = call.request.getUrn();
      reply(null, new engine.SetRootResourceResponse());
    },
    requirePulumiVersion: (_call: Call<object>, reply: Reply) => reply(null, new engine.RequirePulumiVersionResponse()),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  try {
    const address = `127.0.0.1:${port}`;
    const started = performance.now();
    const child = spawn(
      options.node,
      [
        ...options.nodeArgs,
        require.resolve("@pulumi/pulumi/cmd/run"),
        ...["--monitor", address, "--engine", address, "--project", "sbc", "--stack", options.stack],
        ...[
          "--pwd",
          options.directory,
          "--root-directory",
          options.directory,
          "--parallel",
          "8",
          "--dry-run",
          "index.ts",
        ],
      ],
      {
        cwd: options.directory,
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          PULUMI_CONFIG: JSON.stringify(options.config),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys ?? []),
        },
        timeout: 120_000,
      },
    );
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", resolve);
    });
    if (code !== 0) throw new Error(`the program in ${options.directory} ended with ${code}:\n${errors.join("\n")}`);
    return { lastRegistrationMs: last - started, types };
  } finally {
    server.forceShutdown();
  }
}
