import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

/**
 * A stand-in for homer-app: takes its commands for the tables, reads its configuration, which it must be able to write, and answers where the
 * original shows its pages and asks for its log-in. In the database it makes what the stack's job changes.
 */
interface Settings {
  database_data: Record<string, { name: string; user: string; pass: string; host: string }>;
  database_config: { name: string; user: string; pass: string; host: string };
  http_settings: { port: number };
}

/** As the original makes them, of what a stack changes. */
const tables = `
CREATE TABLE IF NOT EXISTS mapping_schema (hepid integer, profile text, correlation_mapping json, PRIMARY KEY (hepid, profile));
INSERT INTO mapping_schema VALUES (1, 'call', '[]') ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS users (username text PRIMARY KEY, hash text);
INSERT INTO users VALUES ('admin', ''), ('support', '') ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS auth_token (name text);
`;

const options = new Map(process.argv.slice(2).map((word) => [word.split("=")[0], word.slice(word.indexOf("=") + 1)]));
const file = `${options.get("-webapp-config-path") ?? ""}/webapp_config.json`;
if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} can be read by others`);
const text = readFileSync(file, "utf8");
writeFileSync(file, text);
const settings = JSON.parse(text) as Settings;
for (const { name, pass } of [...Object.values(settings.database_data), settings.database_config]) {
  if (!/^homer_(data|config)$/.test(name)) throw new Error(`${file}: no database of HOMER: ${name}`);
  if (!/^[A-Za-z0-9]{32}$/.test(pass)) throw new Error(`${file}: the database's password is no generated one`);
}
if (options.has("-create-table-db-config")) {
  const { user, pass, host, name } = settings.database_config;
  const address = ["--host", host, "--username", user, "--dbname", name, "--no-password", "--set", "ON_ERROR_STOP=1"];
  execFileSync("psql", ["--quiet", ...address], { input: tables, env: { ...process.env, PGPASSWORD: pass } });
  console.log("stand-in for homer-app: makes the tables that a stack changes, with a row each");
} else if (options.has("-populate-table-db-config")) {
  if (!/^[A-Za-z0-9]{32}$/.test(options.get("-force-password") ?? ""))
    throw new Error("no generated password for its users");
} else {
  createServer((request, response) => {
    if (!request.url?.startsWith("/api/")) return response.end("stand-in for homer-app");
    response.statusCode = request.headers.authorization?.startsWith("Bearer ") ? 200 : 401;
    response.end();
  }).listen(settings.http_settings.port);
  console.log(`stand-in for homer-app on ${settings.http_settings.port}`);
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
}
