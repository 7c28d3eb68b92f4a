import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";

/** The engine sends whole states; gRPC's default of 4 MiB is too small. Same limit as the official SDKs. */
const maxMessageBytes = 400 * 1024 * 1024;
/** How long cleaning up may take once the engine has told us to stop, or has gone. */
const stopTimeoutMs = 10_000;

/**
 * Serves one gRPC service on a free loopback port and prints that port on stdout, which is how the engine finds a
 * plugin. Ends with the engine: on SIGINT/SIGTERM (after `onStop`), and when the parent process has gone.
 */
export async function serve<T extends grpc.UntypedServiceImplementation>(
  service: grpc.ServiceDefinition<T>,
  implementation: T,
  onStop: () => Promise<void>,
): Promise<void> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  server.addService(service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void Promise.race([onStop(), sleep(stopTimeoutMs)]).finally(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // An engine that was killed hard sends no signal; its plugins are then adopted by another process.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), 1000).unref();
}

/** Wraps a unary handler written as an async function; what it throws becomes the call's error. */
export function unary<Request, Response>(
  handler: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    void (async () => handler(call.request))().then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}

/** A failed call: an error thrown with a gRPC status keeps it, any other is UNKNOWN, as with the official plugins. */
export function toServiceError(error: unknown): Partial<grpc.ServiceError> {
  if (error instanceof Error && "code" in error && typeof error.code === "number" && "metadata" in error) {
    return error as grpc.ServiceError;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: grpc.status.UNKNOWN, details: message, message };
}
