// Stand-in for Logstash: checks its configuration, and that Elasticsearch takes its password; demands a certificate from Filebeat.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:tls";
import { answer, ask, document, expect, identity, refuse, say, secret, settings, text, writable } from "../checks.ts";

const folder = process.argv[process.argv.indexOf("--path.settings") + 1] ?? "";
const yml = settings(`${folder}/logstash.yml`);
expect(yml, { "api.http.host": "127.0.0.1", "api.http.port": 9600 });
const [pipeline] = document(`${folder}/pipelines.yml`) as Record<string, unknown>[];
if (pipeline === undefined) refuse("there is no pipeline");
expect(pipeline, { "pipeline.id": "sbc", "queue.type": "persisted", "dead_letter_queue.enable": true });
const options = text(`${folder}/jvm.options`);
const heap = /^-Xms(\d+)m$/m.exec(options)?.[1];
if (heap === undefined || !options.includes(`-Xmx${heap}m`)) refuse("the heap has no one size");
text(`${folder}/of-the-image`);
writable(String(yml["path.data"]));
writable("/tmp");

const conf = secret(String(pipeline["path.config"]));
const value = (name: string) =>
  new RegExp(`^ *${name} => (?:\\["|")?([^"\\]\\s]+)`, "m").exec(conf)?.[1] ?? refuse(`${name} is not set`);
for (const [name, path] of [
  ["ssl_certificate", "/run/secrets/tls.crt"],
  ["ssl_key", "/run/secrets/tls.key"],
  ["ssl_certificate_authorities", "/run/secrets/ca.crt"],
  ["ssl_client_authentication", "required"],
  ["ssl_verification_mode", "full"],
] as const) {
  if (value(name) !== path) refuse(`${name} is ${value(name)}`);
}
const { ca, cert, key } = identity("/run/secrets", "logstash", "serverAuth");
const target = new URL(value("hosts"));
const auth = `${value("user")}:${value("password")}`;
const { status, error } = await ask({
  host: target.hostname,
  port: target.port,
  path: "/_security/_authenticate",
  auth,
  ca,
});
if (status !== 200) refuse(`Elasticsearch does not take the password: ${error ?? String(status)}`);

createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" }, (socket) => {
  say(`Filebeat has come with the certificate of ${String(socket.getPeerCertificate().subject.CN)}`);
  socket.on("error", () => undefined).resume();
})
  .on("tlsClientError", (problem) => {
    say(`refused: ${problem.message}`);
  })
  .listen(Number(value("port")), "0.0.0.0");
createHttpServer((request, response) => {
  const known = request.url === "/_node/pipelines/sbc";
  answer(response, known ? 200 : 404, { standIn: true });
}).listen(9600, "127.0.0.1", () => {
  say("stand-in for Logstash is up: it takes connections, and passes nothing on");
});
process.on("SIGTERM", () => process.exit(0));
