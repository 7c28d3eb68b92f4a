// Stand-in for Kibana: checks its configuration, is ready once Elasticsearch takes its password, and checks imported objects.
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { answer, ask, body, expect, identity, refuse, say, secret, settings, writable } from "../checks.ts";

const files = process.argv.flatMap((argument, index) =>
  argument === "--config" ? [process.argv[index + 1] ?? ""] : [],
);
const [plain, secrets] = files as [string, string];
const yml = { ...settings(plain), ...settings(secrets, secret) };
expect(yml, {
  "server.ssl.enabled": true,
  "elasticsearch.username": "kibana_system",
  "elasticsearch.ssl.verificationMode": "full",
});
for (const name of ["security.encryptionKey", "encryptedSavedObjects.encryptionKey", "reporting.encryptionKey"]) {
  if (String(yml[`xpack.${name}`] ?? "").length < 32) refuse(`xpack.${name} is shorter than 32 characters`);
}
if (!/^--max-old-space-size=\d+$/.test(process.env["NODE_OPTIONS"] ?? "")) refuse("the heap has no size");
const { ca, cert, key } = identity("/run/secrets", "kibana", "serverAuth");
writable(String(yml["path.data"]));
writable("/tmp");

const target = new URL((yml["elasticsearch.hosts"] as string[])[0] ?? "");
const authenticate = (auth: string) =>
  ask({ host: target.hostname, port: target.port, path: "/_security/_authenticate", auth, ca });
const own = `kibana_system:${String(yml["elasticsearch.password"])}`;
let ready = false;
const wait = async () => {
  const { status, error } = await authenticate(own);
  ready = status === 200;
  if (!ready) {
    say(`Kibana server is not ready yet: ${status === 0 ? String(error) : `Elasticsearch answers ${status}`}`);
    setTimeout(() => void wait(), 1000);
  }
};
void wait();

interface Line {
  type: string;
  id: string;
  references: { id: string; type: string }[];
}
const objects = new Map<string, Line>();

/** Takes what the multipart body holds; what is wrong with it, or undefined. */
function take(content: string): string | undefined {
  const lines = content.split(/\r?\n/).filter((line) => line.startsWith("{"));
  const parsed = lines.map((line) => JSON.parse(line) as Line);
  for (const line of parsed) objects.set(`${line.type}:${line.id}`, line);
  const missing = parsed.flatMap(({ references }) => references).find(({ type, id }) => !objects.has(`${type}:${id}`));
  if (missing !== undefined) return `missing_references: ${missing.type}:${missing.id}`;
  writeFileSync(`${String(yml["path.data"])}/objects`, [...objects.keys()].join("\n"));
  return parsed.length === 0 ? "no objects" : undefined;
}

createServer({ cert, key, minVersion: "TLSv1.2" }, (request, response) => {
  void (async () => {
    const { pathname } = new URL(request.url ?? "/", "https://kibana");
    const content = await body(request);
    if (!ready) answer(response, 503, { status: { overall: { level: "unavailable" } } });
    else if (pathname === "/api/status") answer(response, 200, { status: { overall: { level: "available" } } });
    else if (pathname === "/api/saved_objects/_import") {
      const basic = (request.headers.authorization ?? "").replace(/^Basic /, "");
      const { status } = await authenticate(Buffer.from(basic, "base64").toString());
      if (status !== 200) answer(response, 401, { statusCode: 401 });
      else if (request.headers["kbn-xsrf"] === undefined) answer(response, 400, { message: "missing kbn-xsrf header" });
      else {
        const problem = take(content);
        answer(
          response,
          200,
          problem === undefined ? { success: true, successCount: objects.size } : { success: false, errors: [problem] },
        );
      }
    } else {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<!doctype html><title>Kibana (stand-in)</title><p>This is a stand-in for Kibana.</p>\n");
    }
  })();
}).listen(Number(yml["server.port"]), "0.0.0.0", () => {
  say("stand-in for Kibana is up: it keeps a list of objects, and shows nothing");
});
process.on("SIGTERM", () => process.exit(0));
