import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ServerWritableStream } from "@grpc/grpc-js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import services from "@pulumi/pulumi/proto/language_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/language_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type {
  AboutRequest,
  GetProgramDependenciesRequest,
  GetRequiredPackagesRequest,
  InstallDependenciesRequest,
  InstallDependenciesResponse,
  LanguageHandshakeRequest,
  ProgramInfo,
  RunPluginRequest,
  RunPluginResponse,
  RunRequest,
} from "@pulumi/pulumi/proto/language_pb.js";
import { serve, toServiceError, unary } from "../providers/shared/serve.ts";
import { packageRoot, programDependencies, requiredPlugins } from "./packages.ts";
import { parseOptions, type RuntimeOptions } from "./options.ts";

/** Exit code of `cmd/run` for "the user has already seen the error" (sdk/nodejs/cmd/run/run.ts). */
const alreadyReported = 32;
/** How long a program that was asked to stop may take before it is killed; the official host's figure. */
const killAfterMs = 5000;

const children = new Set<ChildProcess>();

/** Serves the language host; `argv` ends with the engine's address when an older engine passes it there. */
export async function startLanguageHost(argv: readonly string[]): Promise<void> {
  if (argv.includes("-version") || argv.includes("--version")) {
    process.stdout.write(`${sdkVersion()}\n`);
    return;
  }
  let engineAddress = argv.find((argument) => !argument.startsWith("-")) ?? "";
  const stopChildren = async (): Promise<void> => {
    await Promise.all([...children].map(stop));
  };

  await serve(
    services.LanguageRuntimeService,
    {
      handshake: unary((request: LanguageHandshakeRequest) => {
        engineAddress = request.getEngineAddress();
        return new messages.LanguageHandshakeResponse();
      }),
      getPluginInfo: unary(() => new pluginMessages.PluginInfo().setVersion(sdkVersion())),
      getRequiredPackages: unary((request: GetRequiredPackagesRequest) => {
        const response = new messages.GetRequiredPackagesResponse();
        for (const { name, version, server } of requiredPlugins(info(request).getProgramDirectory())) {
          const dependency = new pluginMessages.PackageDependency();
          response.addPackages(dependency.setName(name).setKind("resource").setVersion(version).setServer(server));
        }
        return response;
      }),
      run: unary((request: RunRequest) => runProgram(request, engineAddress)),
      runPlugin: (call: ServerWritableStream<RunPluginRequest, RunPluginResponse>) => {
        runPlugin(call).then(
          () => call.end(),
          (error: unknown) => call.emit("error", toServiceError(error)),
        );
      },
      installDependencies: (call: ServerWritableStream<InstallDependenciesRequest, InstallDependenciesResponse>) => {
        installDependencies(call).then(
          () => call.end(),
          (error: unknown) => call.emit("error", toServiceError(error)),
        );
      },
      getProgramDependencies: unary((request: GetProgramDependenciesRequest) => {
        const directory = info(request).getProgramDirectory();
        const response = new messages.GetProgramDependenciesResponse();
        for (const { name, version } of programDependencies(directory, request.getTransitivedependencies())) {
          response.addDependencies(new messages.DependencyInfo().setName(name).setVersion(version));
        }
        return response;
      }),
      about: unary((_request: AboutRequest) =>
        new messages.AboutResponse().setExecutable(process.execPath).setVersion(process.version),
      ),
      // npm is the only package manager here, so there is nothing to ask when a project is made.
      runtimeOptionsPrompts: unary(() => new messages.RuntimeOptionsResponse()),
      cancel: unary(async () => {
        await stopChildren();
        return new emptyPb.Empty();
      }),
    },
    stopChildren,
  );
}

async function runProgram(
  request: RunRequest,
  engineAddress: string,
): Promise<InstanceType<typeof messages.RunResponse>> {
  const program = info(request);
  const options = readOptions(program);
  const flags: [string, string][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engineAddress],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", program.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", program.getProgramDirectory()],
    ["parallel", String(request.getParallel())],
  ];
  const args = [
    ...options.nodeargs,
    locate("@pulumi/pulumi/cmd/run", program.getProgramDirectory()),
    ...flags.flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    program.getEntryPoint(),
    ...request.getArgsList(),
  ];
  const config = Object.fromEntries(
    // The SDK's releases agree on the long form of a key, `namespace:config:name`.
    request
      .getConfigMap()
      .toArray()
      .map(([key, value]) => [key.replace(/^([^:]+):(?:config:)?/, "$1:config:"), value]),
  );
  const env = {
    ...process.env,
    ...typescriptEnvironment(options),
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };

  // The program's output goes straight to the engine, which shows both streams as diagnostics.
  const exit = await run(args, { env, stdio: ["ignore", "inherit", "inherit"] }).exited;
  const response = new messages.RunResponse();
  if (exit === alreadyReported) return response.setBail(true);
  return exit === 0 ? response : response.setError(`Program exited with ${describeExit(exit)}`);
}

/** Runs a policy pack or a provider written for Node; its output is streamed to the engine. */
async function runPlugin(call: ServerWritableStream<RunPluginRequest, RunPluginResponse>): Promise<void> {
  const request = call.request;
  const program = info(request);
  const directory = program.getProgramDirectory();
  const options = readOptions(program);
  const isPolicyPack = request.getKind() === "analyzer";
  const runner = locate(
    isPolicyPack ? "@pulumi/pulumi/cmd/run-policy-pack" : "@pulumi/pulumi/cmd/run-plugin",
    directory,
  );
  // A policy pack takes its directory last, a plugin first.
  const args = isPolicyPack ? [...request.getArgsList(), directory] : [directory, ...request.getArgsList()];
  const env = {
    ...Object.fromEntries(request.getEnvList().map((line) => splitOnce(line, "="))),
    ...typescriptEnvironment(options),
  };

  const plugin = run([...options.nodeargs, runner, ...args], {
    env,
    cwd: isPolicyPack ? directory : request.getPwd(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  call.on("cancelled", () => void stop(plugin.child));
  plugin.child.stdout?.on("data", (chunk: Buffer) => call.write(new messages.RunPluginResponse().setStdout(chunk)));
  plugin.child.stderr?.on("data", (chunk: Buffer) => call.write(new messages.RunPluginResponse().setStderr(chunk)));
  const exit = await plugin.exited;
  call.write(new messages.RunPluginResponse().setExitcode(typeof exit === "number" ? exit : 1));
}

async function installDependencies(
  call: ServerWritableStream<InstallDependenciesRequest, InstallDependenciesResponse>,
): Promise<void> {
  const npm = spawn("npm", ["install"], {
    cwd: packageRoot(call.request.getDirectory()),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const installation = track(npm);
  call.on("cancelled", () => void stop(npm));
  npm.stdout.on("data", (chunk: Buffer) => call.write(new messages.InstallDependenciesResponse().setStdout(chunk)));
  npm.stderr.on("data", (chunk: Buffer) => call.write(new messages.InstallDependenciesResponse().setStderr(chunk)));
  const exit = await installation;
  if (exit !== 0) throw new Error(`npm install failed with ${describeExit(exit)}`);
}

function run(args: string[], options: SpawnOptions): { child: ChildProcess; exited: Promise<number | NodeJS.Signals> } {
  const child = spawn(process.execPath, args, options);
  return { child, exited: track(child) };
}

/** Exit code, or the signal that ended the process; "close" so that all of its output has been read. */
function track(child: ChildProcess): Promise<number | NodeJS.Signals> {
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      children.delete(child);
      resolve(code ?? signal ?? 1);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  await exited;
  clearTimeout(timer);
}

function info(request: { getInfo(): ProgramInfo | undefined }): ProgramInfo {
  const program = request.getInfo();
  if (program === undefined) throw new Error("the engine sent no program information; is the CLI older than 3.100?");
  return program;
}

function readOptions(program: ProgramInfo): RuntimeOptions {
  return parseOptions(program.getOptions()?.toJavaScript() ?? {});
}

function typescriptEnvironment({ typescript, tsconfig }: RuntimeOptions): Record<string, string> {
  return {
    ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    ...(tsconfig === "" ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
  };
}

/** The SDK of the program itself, not ours: both sides of the protocol must be of one version. */
function locate(module: string, directory: string): string {
  try {
    return createRequire(join(directory, "package.json")).resolve(module);
  } catch {
    throw new Error(`the Pulumi SDK has not been installed in ${directory}; run \`npm ci\` there`);
  }
}

function sdkVersion(): string {
  const { version } = createRequire(import.meta.url)("@pulumi/pulumi/package.json") as { version: string };
  return version.replace(/^v/, "");
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function describeExit(exit: number | NodeJS.Signals): string {
  return typeof exit === "number" ? `exit code ${exit}` : `signal ${exit}`;
}
