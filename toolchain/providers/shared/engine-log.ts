import { credentials } from "@grpc/grpc-js";

/** Shows an informational line among the engine's diagnostics. Fails silently: a log line must not fail a deployment. */
export async function logInfo(engineAddress: string, message: string): Promise<void> {
  if (engineAddress === "") return;
  const [services, messages] = await Promise.all([
    import("@pulumi/pulumi/proto/engine_grpc_pb.js"),
    import("@pulumi/pulumi/proto/engine_pb.js"),
  ]);
  const engine = new services.default.EngineClient(engineAddress, credentials.createInsecure());
  const request = new messages.default.LogRequest().setSeverity(messages.default.LogSeverity.INFO).setMessage(message);
  await new Promise<void>((resolve) => engine.log(request, () => resolve()));
  engine.close();
}
