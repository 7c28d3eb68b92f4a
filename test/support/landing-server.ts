import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { FileMap } from "../../configs/files.ts";

const types: Readonly<Record<string, string>> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  json: "application/json",
  svg: "image/svg+xml",
};

/** The content security policy of the landing page; a test holds it against that of the real front door. */
export const landingPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A stand-in for the front door and the Prometheus behind it, for the landing page alone. */
export interface LandingServer extends AsyncDisposable {
  readonly url: string;
  /** `job instance` → up or not; undefined: Prometheus does not answer. */
  states: Readonly<Record<string, boolean>> | undefined;
}

export async function startLandingServer(files: FileMap): Promise<LandingServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1) || "index.html";
    const content = path === "api/status" ? status(landing.states) : files[path];
    response.setHeader("Content-Security-Policy", landingPolicy);
    response.setHeader("X-Content-Type-Options", "nosniff");
    if (content === undefined) {
      response.writeHead(path === "api/status" ? 502 : 404).end();
      return;
    }
    const type = path === "api/status" ? "application/json" : (types[path.split(".").at(-1) ?? ""] ?? "");
    response.writeHead(200, { "Content-Type": type }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const landing: LandingServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    states: {},
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return landing;
}

/** As Prometheus answers an instant query of a vector. */
function status(states: LandingServer["states"]): string | undefined {
  if (states === undefined) return undefined;
  const result = Object.entries(states).map(([target, up]) => {
    const [job, instance] = target.split(" ");
    return { metric: { __name__: "up", job, instance }, value: [Date.now() / 1000, up ? "1" : "0"] };
  });
  return JSON.stringify({ status: "success", data: { resultType: "vector", result } });
}
