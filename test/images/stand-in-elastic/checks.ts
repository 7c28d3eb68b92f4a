// What the stand-ins have in common: checks of the files that a stack mounts, and small servers.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { request, type RequestOptions } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";

// Debian's package is no module that an import finds.
const yaml = createRequire("/usr/share/nodejs/")("js-yaml") as { load(text: string): unknown };

/** Ends the program with a reason that `docker logs` shows. */
export function refuse(reason: string): never {
  console.error(JSON.stringify({ level: "fatal", standIn: true, message: reason }));
  process.exit(1);
}

export function say(message: string): void {
  console.error(JSON.stringify({ level: "info", standIn: true, message }));
}

/** A file's text; refuses when it is not there or cannot be read by this user. */
export function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return refuse(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A secret: readable by this user and by nobody else. */
export function secret(path: string): string {
  const content = text(path);
  const { mode, uid } = statSync(path);
  if ((mode & 0o077) !== 0) refuse(`${path} can be read by others: mode ${(mode & 0o777).toString(8)}`);
  if (uid !== process.getuid?.()) refuse(`${path} belongs to ${uid}, not to this user`);
  return content;
}

/** A YAML file with flat or nested keys, as one flat object. */
export function settings(path: string, read: (path: string) => string = text): Record<string, unknown> {
  let loaded: unknown;
  try {
    loaded = yaml.load(read(path));
  } catch (error) {
    refuse(`${path} is no YAML: ${String(error)}`);
  }
  const flat: Record<string, unknown> = {};
  const walk = (value: unknown, prefix: string) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      flat[prefix] = value;
      return;
    }
    for (const [key, child] of Object.entries(value)) walk(child, prefix === "" ? key : `${prefix}.${key}`);
  };
  walk(loaded, "");
  return flat;
}

/** Any YAML file. */
export function document(path: string): unknown {
  return yaml.load(text(path));
}

/** Refuses when a setting is not what it must be. */
export function expect(found: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (JSON.stringify(found[key]) !== JSON.stringify(value)) {
      refuse(`${key} is ${JSON.stringify(found[key])} instead of ${JSON.stringify(value)}`);
    }
  }
}

/** Key, certificate and CA of a folder, each checked: they belong together, are valid now, and name this host. */
export function identity(folder: string, name: string, usage: "serverAuth" | "clientAuth") {
  const [ca, cert, key] = [secret(`${folder}/ca.crt`), secret(`${folder}/tls.crt`), secret(`${folder}/tls.key`)];
  const certificate = new X509Certificate(cert);
  const authority = new X509Certificate(ca);
  if (!key.includes("BEGIN PRIVATE KEY")) refuse(`${folder}/tls.key is not in PKCS #8`);
  if (!certificate.checkPrivateKey(createPrivateKey(key)))
    refuse(`${folder}: key and certificate do not belong together`);
  if (!certificate.verify(authority.publicKey)) refuse(`${folder}: the certificate is not signed by ca.crt`);
  if (new Date(certificate.validTo) < new Date()) refuse(`${folder}: the certificate has expired`);
  if (usage === "serverAuth" && certificate.checkHost(name) === undefined) refuse(`the certificate is not for ${name}`);
  const oid = usage === "serverAuth" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
  if (!certificate.keyUsage?.includes(oid)) refuse(`the certificate is not for ${usage}`);
  return { ca, cert, key };
}

/** May this user write there? As a real program would find out. */
export function writable(folder: string): void {
  try {
    writeFileSync(`${folder}/.stand-in`, "");
  } catch (error) {
    refuse(`${folder} cannot be written: ${String(error)}`);
  }
}

export async function body(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function answer(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(content));
}

/** One HTTPS request; the status, or 0 when nobody answers, or not the right one. */
export function ask(options: RequestOptions): Promise<{ status: number; error?: string }> {
  return new Promise((resolve) => {
    const asked = request(options, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    });
    asked.on("error", (error) => {
      resolve({ status: 0, error: error.message });
    });
    asked.end();
  });
}
