import * as rules from "../../../policy/registry.ts";
import { UNKNOWN_LIST, UNKNOWN_NUMBER, UNKNOWN_STRING, job, labels, resource, service } from "../helpers.ts";
import type { TestResource } from "../helpers.ts";
import { fails, failsUnder, stack, under } from "./case.ts";
import type { RuleCases } from "./case.ts";

const edgeNet = resource("network", "sbc-net", { name: "sbc-net" });
const monitoringNet = resource("network", "monitoring-net", { name: "monitoring-net", internal: true });
const on = (...names: string[]) => ({ networksAdvanced: names.map((name) => ({ name })) });
const publish = (...internal: number[]) => ({
  ports: internal.map((port) => ({ internal: port, external: port, ip: "127.0.0.1", protocol: "udp" })),
});
const volume = (name: string, protect = true) => resource("volume", name, { name }, { options: { protect } });
const mount = (volumeName: string, containerPath: string, readOnly = false) => ({
  volumes: [{ volumeName, containerPath, readOnly }],
});
const named = (
  name: string,
  role: string,
  plane: string,
  change: Record<string, unknown> = {},
  rest: Parameters<typeof service>[1] = {},
): TestResource => service({ name: `test-${name}`, labels: labels(role, plane), ...change }, { name, ...rest });
const mariadb = (
  change: Record<string, unknown> = mount("db", "/var/lib/mysql"),
  rest: Parameters<typeof service>[1] = {},
) => named("mariadb", "mariadb", "data", change, rest);
const staged = (...uploads: object[]) => job({ uploads, ...mount("conf", "/out") });
const range = (min: number, max: number) => ({
  file: "/s/rtpengine.conf",
  content: `[rtpengine]\nport-min = ${min}\nport-max = ${max}\n`,
});
const relay = (...ports: number[]) =>
  named("rtpengine", "rtpengine", "media", { ...publish(...ports), ...mount("conf", "/etc/rtpengine", true) });

const grafana = (change: Record<string, unknown> = {}) =>
  named("grafana", "grafana", "monitoring", { ...on("monitoring-net"), ...change });
const nginx = named("nginx", "nginx", "monitoring", {
  ...on("monitoring-net", "sbc-net"),
  ...mount("conf", "/etc/nginx", true),
});
const site = (auth: string) => ({ file: "/s/site.conf", content: `server {\n  listen 8443 ssl;\n  ${auth}\n}\n` });
const passwords = (permissions?: string) => ({
  file: "/s/htpasswd",
  content: UNKNOWN_STRING,
  ...(permissions ? { permissions } : {}),
});

const node = (index: number) =>
  named(`asterisk-${index}`, "asterisk", "voice", {
    networksAdvanced: [{ name: "sbc-net", ipv4Address: `10.5.0.${9 + index}` }],
  });
const rows = (...hosts: string[]) =>
  job({
    uploads: [
      {
        file: "/s/rows.sql",
        content: hosts.map((host) => `INSERT INTO dispatcher VALUES ('sip:${host}:5060');`).join("\n"),
      },
    ],
  });

const leafProps = {
  allowedUses: ["digital_signature", "server_auth"],
  validityPeriodHours: 8760,
  earlyRenewalHours: 720,
};
const request = (props: Record<string, unknown> = { dnsNames: ["sip.example.org"] }) =>
  resource("request", "request", props);
const leaf = (change: Record<string, unknown> = {}, name = "kamailio-cert") =>
  resource("leaf", name, { ...leafProps, ...change }, { from: { certRequestPem: ["request"] } });
const inDays = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();

const script = (without = "") =>
  [
    'loadmodule "tm.so"',
    'modparam("auth", "secret", NONCE_SECRET)',
    "request_route {",
    "  if ($sht(ipban=>$si) != $null) exit;",
    "  if (!pike_check_req()) exit;",
    "  sanity_check();",
    "}",
  ]
    .filter((line) => without === "" || !line.includes(without))
    .join("\n");
const tlsSection = (method: string) => `[server:default]\nmethod = ${method}\n[client:default]\nmethod = TLSv1.2+\n`;

export const stackCases: readonly RuleCases[] = [
  {
    rule: rules.ruleNamed("stack-published-on-reachable-net"),
    passes: {
      "a leg is outside": stack(
        edgeNet,
        monitoringNet,
        service({ ...publish(8443), ...on("monitoring-net", "sbc-net") }),
      ),
      "nothing is published": stack(monitoringNet, service(on("monitoring-net"))),
      "a network is not of this stack": stack(service({ ...publish(8443), ...on("elsewhere") })),
    },
    fails: {
      "all networks are internal": fails(
        /all its networks are internal/,
        monitoringNet,
        service({ ...publish(8443), ...on("monitoring-net") }),
      ),
    },
    undecided: {
      "a network is unknown": stack(
        monitoringNet,
        service({ ...publish(8443), ...on("monitoring-net", UNKNOWN_STRING) }),
      ),
    },
  },
  {
    rule: rules.ruleNamed("tls-leaf-shape"),
    passes: {
      "it is a leaf": stack(request(), leaf()),
      "it names an address": stack(request({ ipAddresses: ["10.5.0.2"] }), leaf()),
      "a client's names nobody": stack(request({}), leaf({ allowedUses: ["client_auth"] })),
      "it is an intermediate authority": stack(
        leaf({ allowedUses: ["cert_signing"], isCaCertificate: true, validityPeriodHours: 87600 }),
      ),
      "its names are unknown": stack(request({ dnsNames: UNKNOWN_LIST }), leaf()),
    },
    fails: {
      "a server is marked as an authority": fails(/marked as a CA/, request(), leaf({ isCaCertificate: true })),
      "it names no host": fails(/names no host/, request({ dnsNames: [] }), leaf()),
      "it lives too long": fails(/lives 9553 hours/, request(), leaf({ validityPeriodHours: 9553 })),
      "it is never renewed": fails(/renewed 0 hours/, request(), leaf({ earlyRenewalHours: undefined })),
      "it is renewed too late": fails(/renewed 719 hours/, request(), leaf({ earlyRenewalHours: 719 })),
      "it is always due": fails(/from its first hour/, request(), leaf({ earlyRenewalHours: 8760 })),
      "policy config wants shorter lives": failsUnder(
        { maxValidityHours: 2160 },
        /longer than 2160/,
        request(),
        leaf(),
      ),
    },
    undecided: {
      "lives are unknown": stack(
        request(),
        leaf({ validityPeriodHours: UNKNOWN_NUMBER, earlyRenewalHours: UNKNOWN_NUMBER }),
      ),
    },
  },
  {
    rule: rules.ruleNamed("tls-not-due"),
    passes: {
      "it lives on": stack(leaf({ validityEndTime: inDays(15), readyForRenewal: false })),
      "it is not made yet": stack(leaf()),
    },
    fails: {
      "it expires soon": fails(/expires at/, leaf({ validityEndTime: inDays(13) })),
      "it is in its window": fails(
        /inside its renewal window/,
        leaf({ validityEndTime: inDays(20), readyForRenewal: true }),
      ),
      "an authority expires soon": fails(
        /expires at/,
        resource("selfSigned", "ca", { isCaCertificate: true, validityEndTime: inDays(1) }),
      ),
      "policy config looks further ahead": failsUnder(
        { days: 60 },
        /expires at/,
        leaf({ validityEndTime: inDays(59) }),
      ),
    },
    undecided: { "its end is unknown": stack(leaf({ validityEndTime: UNKNOWN_STRING })) },
  },
  {
    rule: rules.ruleNamed("random-credentials"),
    passes: {
      "it is long": stack(resource("password", "p", { length: 24 })),
      "a plain text is no credential": stack(
        resource("randomString", "suffix"),
        service({}, { from: { name: ["suffix"] } }),
      ),
    },
    fails: {
      "it is short": fails(/23 characters, fewer than 24/, resource("password", "p", { length: 23 })),
      "a plain text feeds a file": fails(
        /uploads are made from suffix/,
        resource("randomString", "suffix"),
        job({}, { from: { uploads: ["suffix"] } }),
      ),
      "a plain text feeds the environment": fails(
        /envs are made from suffix/,
        resource("randomString", "suffix"),
        service({}, { from: { envs: ["suffix"] } }),
      ),
      "policy config wants more": failsUnder(
        { length: 32 },
        /fewer than 32/,
        resource("password", "p", { length: 31 }),
      ),
    },
    undecided: { "the length is unknown": stack(resource("password", "p", { length: UNKNOWN_NUMBER })) },
  },
  {
    rule: rules.ruleNamed("ports-rtp-range-budget"),
    passes: {
      "nothing is published": stack(service()),
      "the whole range is published": stack(relay(30000, 30001, 30002), staged(range(30000, 30002))),
      "the range is not staged here": stack(relay(30000)),
    },
    fails: {
      "too many are published": fails(
        /publishes 41 UDP ports, more than 40/,
        service(publish(...Array.from({ length: 41 }, (_, index) => 30000 + index))),
      ),
      "the relay uses others": fails(
        /30000 to 30003, and 2 of them are not/,
        relay(30000, 30001),
        staged(range(30000, 30003)),
      ),
      "policy config allows fewer": failsUnder({ max: 1 }, /more than 1/, service(publish(5060, 5061))),
    },
    undecided: { "ports are unknown": stack(service({ ports: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("stack-monitoring-isolated"),
    passes: {
      "a tool is inside": stack(monitoringNet, grafana()),
      "there is no tool": stack(service()),
    },
    fails: {
      "a tool is outside": fails(
        /network sbc-net is not internal/,
        edgeNet,
        monitoringNet,
        grafana(on("monitoring-net", "sbc-net")),
      ),
      "a tool is on a foreign network": fails(/network foreign is not one of this stack/, grafana(on("foreign"))),
    },
    undecided: { "networks are unknown": stack(grafana({ networksAdvanced: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("stack-db-private-and-persistent"),
    passes: {
      "its data are on a protected volume": stack(volume("db"), mariadb()),
      "the mount is of the other kind": stack(
        volume("db"),
        mariadb({ mounts: [{ type: "volume", source: "db", target: "/var/lib/mysql/" }] }),
      ),
      "the volume's name is unknown, its origin known": stack(
        volume(UNKNOWN_STRING),
        mariadb(mount(UNKNOWN_STRING, "/var/lib/mysql"), { from: { volumes: [UNKNOWN_STRING] } }),
      ),
      "the stack is another's": stack(service({ labels: undefined })),
      "policy config asks for no protection": under({ protect: false }, volume("db", false), mariadb()),
    },
    fails: {
      "its data are in the container": fails(
        /No volume of this stack is mounted at \/var\/lib\/mysql/,
        volume("db"),
        mariadb({}),
      ),
      "the volume is not of this stack": fails(/No volume of this stack/, mariadb()),
      "the volume is elsewhere": fails(/No volume of this stack/, volume("db"), mariadb(mount("db", "/data"))),
      "its data are on the host": fails(
        /No volume of this stack/,
        mariadb({ volumes: [{ hostPath: "/srv", containerPath: "/var/lib/mysql" }] }),
      ),
      "the volume is not protected": fails(/not protected/, volume("db", false), mariadb()),
      "it publishes a port": fails(
        /publishes ports/,
        volume("db"),
        mariadb({ ...mount("db", "/var/lib/mysql"), ...publish(3306) }),
      ),
    },
    undecided: { "its volumes are unknown": stack(mariadb({ volumes: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("stack-cdr-persistent"),
    passes: {
      "records are on a volume": stack(volume("db"), mariadb()),
      "a second service only reads": stack(volume("db"), mariadb(), service(mount("db", "/in", true))),
      "a job writes as well": stack(volume("db"), mariadb(), job(mount("db", "/out"))),
    },
    fails: {
      "records are in the container": fails(/Call records at \/var\/lib\/mysql/, mariadb({})),
      "two services write": fails(
        /volume db is written by mariadb as well/,
        volume("db"),
        service(mount("db", "/out")),
        mariadb(),
      ),
      "policy config names another place": failsUnder({ paths: { web: "/cdr" } }, /Call records at \/cdr/, service()),
    },
    undecided: { "volumes are unknown": stack(mariadb({ volumes: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("stack-dashboards-behind-auth"),
    passes: {
      "there are none": stack(service()),
      "the front door asks": stack(
        edgeNet,
        monitoringNet,
        grafana(),
        nginx,
        staged(site('auth_basic "sbc";'), passwords("0440")),
      ),
    },
    fails: {
      "a dashboard publishes": fails(/publishes ports of its own/, monitoringNet, grafana(publish(3000)), nginx),
      "the front door asks nobody": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(site(""), passwords("0440")),
      ),
      "the front door's question is off": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(site("auth_basic off;"), passwords("0400")),
      ),
      "there are no passwords": fails(/No htpasswd/, grafana(), nginx, staged(site('auth_basic "sbc";'))),
      "the passwords are open": fails(/mode 0644/, grafana(), nginx, staged(site('auth_basic "sbc";'), passwords())),
      "the front door cannot reach it": fails(
        /shares no network with the dashboard grafana/,
        grafana(on("data-net")),
        nginx,
      ),
    },
    undecided: {
      "the site is unknown": stack(grafana(), nginx, staged({ file: "/s/site.conf", content: UNKNOWN_STRING })),
    },
  },
  {
    rule: rules.ruleNamed("stack-min-redundancy"),
    passes: {
      "two are listed": stack(node(1), node(2), rows("10.5.0.10", "10.5.0.11")),
      "the list is not staged here": stack(node(1), node(2)),
      "the stack is another's": stack(service({ labels: undefined })),
    },
    fails: {
      "there is one": fails(/1 container\(s\) with the role "asterisk", fewer than 2/, node(1)),
      "one is not listed": fails(/not in the dispatcher's list/, node(1), node(2), rows("10.5.0.10", "10.5.0.111")),
      "policy config wants three": failsUnder({ minimum: 3 }, /fewer than 3/, node(1), node(2)),
    },
    undecided: { "the list is unknown": stack(node(1), node(2), job({ uploads: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("tls-no-self-signed-in-prod"),
    passes: {
      "it is the private authority": stack(resource("selfSigned", "ca", { isCaCertificate: true })),
      "it is for clients": stack(leaf({ allowedUses: ["client_auth"] })),
      "it is for an inner server": stack(leaf({}, "mariadb-cert")),
    },
    fails: {
      "it signs itself": fails(/not as a CA/, resource("selfSigned", "web", {})),
      "the edge's is signed by the stack": fails(/certificate of kamailio is signed by/, leaf()),
      "policy config names another server": failsUnder(
        { publicServers: ["mariadb"] },
        /mariadb/,
        leaf({}, "mariadb-cert"),
      ),
    },
    undecided: { "its uses are unknown": stack(leaf({ allowedUses: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("kamailio-config-hardened"),
    passes: {
      "it is hardened": stack(
        staged(
          { file: "/s/kamailio.cfg", content: script() },
          { file: "/s/tls.cfg", content: tlsSection("TLSv1.3") },
          { file: "/s/r.conf", content: "[rtpengine]\nendpoint-learning = heuristic\n" },
        ),
      ),
      "there is no script": stack(service()),
    },
    fails: {
      "floods are not banned": fails(/pike_check_req/, staged({ file: "/s/k.cfg", content: script("pike") })),
      "the ban is commented out": fails(
        /pike_check_req/,
        staged({ file: "/s/k.cfg", content: script().replace("  if (!pike", "  # if (!pike") }),
      ),
      "bans are not remembered": fails(/htable/, staged({ file: "/s/k.cfg", content: script("$sht") })),
      "broken messages pass": fails(/sanity_check/, staged({ file: "/s/k.cfg", content: script("sanity") })),
      "nonces have no secret": fails(/"secret" of auth/, staged({ file: "/s/k.cfg", content: script("modparam") })),
      "a TLS section is too old": fails(
        /\[server:default\] allows/,
        staged({ file: "/s/tls.cfg", content: tlsSection("TLSv1") }),
      ),
      "a TLS section says nothing": fails(
        /\[server:default\] allows/,
        staged({ file: "/s/tls.cfg", content: "[server:default]\nprivate_key = /k\n" }),
      ),
      "the relay learns at once": fails(
        /"immediate"/,
        staged({ file: "/s/r.conf", content: "[rtpengine]\nendpoint-learning = immediate\n" }),
      ),
    },
    undecided: { "contents are unknown": stack(staged({ file: "/s/k.cfg", content: UNKNOWN_STRING })) },
  },
];
