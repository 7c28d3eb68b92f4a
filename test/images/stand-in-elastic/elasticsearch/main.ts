// Stand-in for Elasticsearch: checks its configuration, knows users, roles, templates and streams by the API, and keeps them on its volume.
// Set STAND_IN_FAILURES to a JSON object, `{ "PUT /_security/role/x": 500 }`, to let requests fail.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { answer, body, expect, identity, refuse, say, secret, settings, text, writable } from "../checks.ts";

interface State {
  roles: Record<string, unknown>;
  users: Record<string, { password?: string; roles: string[] }>;
  templates: Record<string, unknown>;
  /** Streams with their retention. */
  streams: Record<string, string>;
  /** Requests that changed something, in their order. */
  changes: string[];
}

const configuration = process.env["ES_PATH_CONF"] ?? refuse("ES_PATH_CONF is not set");
const yml = settings(`${configuration}/elasticsearch.yml`);
expect(yml, {
  "discovery.type": "single-node",
  "xpack.security.enabled": true,
  "xpack.security.autoconfiguration.enabled": false,
  "xpack.security.http.ssl.enabled": true,
  "xpack.security.http.ssl.certificate": "certs/tls.crt",
  "xpack.license.self_generated.type": "basic",
});
const { ca, cert, key } = identity(`${configuration}/certs`, "elasticsearch", "serverAuth");
const [fileUser, hash] = secret(`${configuration}/users`).trim().split(":") as [string, string];
if (text(`${configuration}/users_roles`).trim() !== `superuser:${fileUser}`) refuse("the set-up user is no superuser");
const options = text(`${configuration}/jvm.options.d/sbc.options`);
const heap = /^-Xms(\d+)m$/m.exec(options)?.[1];
if (heap === undefined || !options.includes(`-Xmx${heap}m`)) refuse("the heap has no one size");
if (!existsSync(`${configuration}/of-the-image`)) refuse("the image's own configuration files are missing");
// The real program makes a keystore there, and writes its log and temporary files.
writable(configuration);
writable("/usr/share/elasticsearch/logs");
writable("/tmp");
const data = String(yml["path.data"]);
writable(data);

const file = `${data}/stand-in.json`;
const state: State = existsSync(file)
  ? (JSON.parse(readFileSync(file, "utf8")) as State)
  : {
      roles: {},
      users: { elastic: { roles: ["superuser"] }, kibana_system: { roles: ["kibana_system"] } },
      templates: {},
      streams: {},
      changes: [],
    };
const failures = JSON.parse(process.env["STAND_IN_FAILURES"] ?? "{}") as Record<string, number>;

/** As the program checks a file user: bcrypt, by the C library. */
function fileUserMay(password: string): boolean {
  const made = execFileSync("perl", ["-e", "chomp(my ($p, $h) = <STDIN>); print crypt($p, $h)"], {
    input: `${password}\n${hash}\n`,
    encoding: "utf8",
  });
  return made === hash;
}

function login(header: string | undefined): string | undefined {
  const [user = "", password = ""] = Buffer.from((header ?? "").replace(/^Basic /, ""), "base64")
    .toString()
    .split(":");
  if (user === fileUser) return fileUserMay(password) ? user : undefined;
  const known = state.users[user]?.password;
  return known !== undefined && known === password ? user : undefined;
}

const builtinRoles = ["superuser", "kibana_system", "viewer"];
const types = ["date", "keyword", "constant_keyword", "match_only_text", "long", "short", "ip"];

/** What is wrong with a mapping's properties. */
function mappingProblem(
  properties: Record<string, { type?: string; properties?: Record<string, object> }>,
): string | undefined {
  for (const [name, { type, properties: inner }] of Object.entries(properties)) {
    if (inner !== undefined) {
      const problem = mappingProblem(inner as typeof properties);
      if (problem !== undefined) return problem;
    } else if (!types.includes(type ?? "")) return `No handler for type [${type ?? ""}] declared on field [${name}]`;
  }
  return undefined;
}

/** Carries out a change; what is wrong with it, or undefined. */
function change(method: string, path: string, content: Record<string, unknown>): string | undefined {
  const [, first = "", second = "", name = "", last = ""] = path.split("/");
  switch (`${method} ${first}/${second}`) {
    case "PUT _security/role":
      if (!Array.isArray(content["indices"]) || !Array.isArray(content["cluster"])) return "failed to parse role";
      state.roles[name] = content;
      return undefined;
    case "PUT _security/user":
    case "POST _security/user": {
      const password = String(content["password"] ?? "");
      if (password.length < 6) return "passwords must be at least [6] characters long";
      if (last === "_password") {
        const user = state.users[name];
        if (user === undefined) return `user [${name}] does not exist`;
        user.password = password;
        return undefined;
      }
      const roles = content["roles"] as string[];
      const unknown = roles.find((role) => !builtinRoles.includes(role) && !(role in state.roles));
      // The real one takes it: the user would then be without rights.
      if (unknown !== undefined) return `role [${unknown}] is not there`;
      state.users[name] = { password, roles };
      return undefined;
    }
    case "PUT _index_template/logs-sbc": {
      const template = content["template"] as {
        mappings: { properties: object };
        lifecycle: { data_retention: string };
      };
      if (!("data_stream" in content)) return "no data stream";
      if (!/^[1-9]\d*d$/.test(template.lifecycle.data_retention)) return "failed to parse [data_retention]";
      const problem = mappingProblem(template.mappings.properties as Parameters<typeof mappingProblem>[0]);
      if (problem !== undefined) return problem;
      state.templates[second] = content;
      return undefined;
    }
    case "PUT _data_stream/logs-sbc.*":
      for (const stream of Object.keys(state.streams)) state.streams[stream] = String(content["data_retention"]);
      return undefined;
    default:
      return `no handler found for uri [${path}] and method [${method}]`;
  }
}

const server = createServer({ ca, cert, key, minVersion: "TLSv1.2" }, (request, response) => {
  void (async () => {
    const method = request.method ?? "GET";
    const { pathname } = new URL(request.url ?? "/", "https://elasticsearch");
    const content = await body(request);
    const user = login(request.headers.authorization);
    if (user === undefined) {
      answer(response, 401, { error: { type: "security_exception" }, status: 401 });
      return;
    }
    const failure = failures[`${method} ${pathname}`];
    if (failure !== undefined) {
      answer(response, failure, { error: { reason: "asked to fail" }, status: failure });
      return;
    }
    if (pathname === "/_security/_authenticate") answer(response, 200, { username: user });
    else if (pathname === "/_cluster/health") answer(response, 200, { status: "green" });
    else if (pathname === "/_stand-in/state") answer(response, 200, state);
    else if (method === "GET" && pathname === "/_data_stream/logs-sbc.*") {
      answer(response, 200, { data_streams: Object.keys(state.streams).map((name) => ({ name })) });
    } else if (pathname.endsWith("/_doc") && method === "POST") {
      // Only what makes a stream: nothing is indexed.
      const template = state.templates["logs-sbc"] as { template: { lifecycle: { data_retention: string } } };
      state.streams[pathname.split("/")[1] ?? ""] = template.template.lifecycle.data_retention;
      answer(response, 201, { result: "created" });
    } else if (user !== fileUser) answer(response, 403, { error: { type: "security_exception" }, status: 403 });
    else {
      const problem = change(method, pathname, JSON.parse(content === "" ? "{}" : content) as Record<string, unknown>);
      if (problem === undefined) state.changes.push(`${method} ${pathname}`);
      writeFileSync(file, JSON.stringify(state));
      answer(
        response,
        problem === undefined ? 200 : 400,
        problem === undefined ? { acknowledged: true } : { error: { reason: problem } },
      );
    }
  })();
});
server.listen(9200, "0.0.0.0", () => {
  say("stand-in for Elasticsearch is up: it keeps users, roles and templates, and indexes nothing");
});
process.on("SIGTERM", () => process.exit(0));
