import { runUnderMonitor } from "../../test/bench/monitor.ts";
import type { ProgramOptions } from "../../test/bench/monitor.ts";
import type { RecordedResource } from "./evaluate.ts";

// How the SDK marks values on the wire, see @pulumi/pulumi/runtime/rpc.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** The SDK's mark for a value that a preview does not know. */
export const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/**
 * The resources that a Pulumi program registers in a preview of a new stack, as a policy pack sees them. Engine, plugins and
 * Docker take no part: the program talks to a stand-in of the engine.
 */
export async function recordProgram(options: ProgramOptions): Promise<readonly RecordedResource[]> {
  const resources: RecordedResource[] = [];
  await runUnderMonitor({
    ...options,
    onRegister: (request, urn) => {
      const dependencies: [string, string[]][] = [];
      request.getPropertydependenciesMap().forEach((value, key) => dependencies.push([key, value.getUrnsList()]));
      resources.push({
        type: request.getType(),
        name: request.getName(),
        urn,
        props: plain(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
        options: {
          protect: request.getProtect(),
          ...(request.getDeletebeforereplacedefined() ? { deleteBeforeReplace: request.getDeletebeforereplace() } : {}),
        },
        propertyDependencies: Object.fromEntries(dependencies),
      });
    },
  });
  return resources;
}

/** What a policy sees: secrets unwrapped, outputs replaced by their value or by the mark of an unknown one. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Object)) return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET) return plain(object["value"]);
  if (object[SIGNATURE] === OUTPUT) return "value" in object ? plain(object["value"]) : UNKNOWN_STRING;
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, plain(item)]));
}
