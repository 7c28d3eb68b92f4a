// Stand-in for Filebeat: checks its configuration, connects to Logstash with its certificate, and keeps the datagrams that it is sent.
import { createSocket } from "node:dgram";
import { appendFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:tls";
import { answer, document, expect, identity, refuse, say, settings, writable } from "../checks.ts";

const path = process.argv[process.argv.indexOf("-c") + 1] ?? "";
// The real one refuses a file that others may write to, or that is somebody else's.
const { mode, uid } = statSync(path);
if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.()))
  refuse(`${path} must belong to this user and be writable by nobody else`);
const yml = settings(path);
expect(yml, {
  "output.logstash.ssl.verification_mode": "full",
  "output.logstash.ssl.certificate_authorities": ["/run/secrets/ca.crt"],
  "http.host": "0.0.0.0",
});
const { "filebeat.inputs": inputs } = document(path) as { "filebeat.inputs": Record<string, unknown>[] };
const [input] = inputs;
if (input === undefined) refuse("there is no input");
expect(input, { type: "udp", host: "0.0.0.0:5514", max_message_size: "64KiB" });
const identityOfClient = identity("/run/secrets", "filebeat", "clientAuth");
const data = "/usr/share/filebeat/data";
writable(data);

const [host = "", port = ""] = String((yml["output.logstash.hosts"] as string[])[0]).split(":");
const link = () => {
  const socket = connect({ host, port: Number(port), servername: host, ...identityOfClient, minVersion: "TLSv1.2" });
  socket.on("secureConnect", () => {
    say(`connected to ${host}: ${socket.getProtocol() ?? ""}`);
    appendFileSync(`${data}/links`, `${socket.getProtocol() ?? ""}\n`);
  });
  socket.on("error", (error) => {
    say(`no connection to ${host}: ${error.message}`);
  });
  socket.on("close", () => setTimeout(link, 1000));
};
link();

const kept = `${data}/lines`;
createSocket("udp4", (message) => {
  appendFileSync(kept, `${message.toString("utf8").trimEnd()}\n`);
}).bind(5514, "0.0.0.0");
createServer((request, response) => {
  answer(response, request.url === "/stats" ? 200 : 404, { standIn: true });
}).listen(Number(yml["http.port"]), "0.0.0.0", () => {
  say("stand-in for Filebeat is up: it keeps lines in a file, and passes nothing on");
});
process.on("SIGTERM", () => process.exit(0));
