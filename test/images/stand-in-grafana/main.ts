// A stand-in for Grafana: checks what it is given, then answers on port 3000.
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

// Debian's package is no module that an import finds.
const yaml = createRequire("/usr/share/nodejs/")("js-yaml") as { load(text: string): unknown };

const problems: string[] = [];
const check = (good: boolean, problem: string) => {
  if (!good) problems.push(problem);
};

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    problems.push(`${path}: ${String(error)}`);
    return "";
  }
}

function parsed<T>(path: string, parse: (text: string) => unknown): T | undefined {
  try {
    return parse(text(path)) as T;
  } catch (error) {
    problems.push(`${path} cannot be read: ${String(error)}`);
    return undefined;
  }
}

/** `section.key` → value; `$__file{…}` replaced by the file's content, as Grafana does it. */
function readIni(path: string): Map<string, string> {
  const settings = new Map<string, string>();
  let section = "";
  for (const line of text(path).split("\n")) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    const pair = /^([a-z_]+) = (.*)$/.exec(line);
    if (name !== undefined) section = name;
    else if (pair !== null) {
      const file = /^\$__file\{(.+)\}$/.exec(pair[2] ?? "")?.[1];
      if (file !== undefined) checkSecret(file);
      settings.set(`${section}.${pair[1] ?? ""}`, file === undefined ? (pair[2] ?? "") : text(file).trim());
    } else if (line !== "" && !line.startsWith("#")) problems.push(`${path}: no INI: ${line}`);
  }
  return settings;
}

/** Readable by this user and by nobody else. */
function checkSecret(path: string): void {
  if (!existsSync(path)) return;
  const { mode, uid } = statSync(path);
  check((mode & 0o077) === 0, `${path} can be read by others`);
  check(uid === process.getuid?.(), `${path} belongs to user ${uid}`);
}

interface Panel {
  title?: string;
  type: string;
  datasource?: { uid: string };
  targets?: { datasource?: { uid: string } }[];
}

const provisioning = process.env["GF_PATHS_PROVISIONING"] ?? "";
const settings = readIni(process.env["GF_PATHS_CONFIG"] ?? "");

// What Grafana would take without a word, and would be open with.
const secretKey = settings.get("security.secret_key") ?? "";
const password = settings.get("security.admin_password") ?? "";
check(
  secretKey.length >= 20 && secretKey !== "SW2YcwTIb9zpOOhoPsMm",
  "security.secret_key is not set or the well-known one",
);
check(password.length >= 20 && password !== "admin", "security.admin_password is not set or the well-known one");
check(settings.get("auth.anonymous.enabled") === "false", "anybody may come in");

const sources = parsed<{ datasources: { uid: string; url: string; editable: boolean }[] }>(
  join(provisioning, "datasources/sbc.yaml"),
  yaml.load,
);
const uids = new Set((sources?.datasources ?? []).map(({ uid }) => uid));
for (const { uid, url, editable } of sources?.datasources ?? []) {
  check(URL.canParse(url), `data source ${uid}: no URL: ${url}`);
  check(!editable, `data source ${uid} can be edited`);
}

const providers = parsed<{ providers: { options: { path: string } }[] }>(
  join(provisioning, "dashboards/sbc.yaml"),
  yaml.load,
);
const dashboards: { uid: string; title: string }[] = [];
for (const { options } of providers?.providers ?? []) {
  const files = existsSync(options.path) ? readdirSync(options.path).filter((name) => name.endsWith(".json")) : [];
  check(files.length > 0, `no dashboards in ${options.path}`);
  for (const name of files) {
    const dashboard = parsed<{ uid: string; title: string; panels: Panel[] }>(join(options.path, name), JSON.parse);
    if (dashboard === undefined) continue;
    dashboards.push({ uid: dashboard.uid, title: dashboard.title });
    for (const { title, type, datasource, targets = [] } of dashboard.panels) {
      if (type === "row") continue;
      for (const uid of [datasource?.uid, ...targets.map((target) => target.datasource?.uid)]) {
        check(uid !== undefined && uids.has(uid), `${name}: ${title}: no data source ${uid}`);
      }
    }
  }
}
check(new Set(dashboards.map(({ uid }) => uid)).size === dashboards.length, "two dashboards of one uid");
const home = settings.get("dashboards.default_home_dashboard_path") ?? "";
check(existsSync(home), `no home dashboard ${home}`);
for (const folder of ["alerting", "plugins"]) check(existsSync(join(provisioning, folder)), `no folder ${folder}`);

try {
  writeFileSync(join(process.env["GF_PATHS_DATA"] ?? "", "grafana.db"), "");
} catch (error) {
  problems.push(`no database: ${String(error)}`);
}

if (problems.length > 0) {
  for (const message of problems) console.error(JSON.stringify({ level: "fatal", standIn: true, message }));
  process.exit(1);
}

createServer((request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  };
  const { pathname } = new URL(request.url ?? "/", "http://grafana");
  if (pathname === "/api/health") answer(200, { database: "ok", version: "stand-in" });
  else if (pathname === "/api/search") answer(200, dashboards);
  // What came with a request: for a test of the front door.
  else if (pathname === "/stand-in/headers") answer(200, request.headers);
  else if (pathname === "/") answer(200, { standIn: "grafana" });
  else answer(404, {});
}).listen(3000, () => {
  console.error(JSON.stringify({ level: "info", standIn: true, message: `${dashboards.length} dashboards` }));
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
