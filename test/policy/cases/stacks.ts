import * as rules from "../../../policy/registry.ts";
import { UNKNOWN_LIST, UNKNOWN_NUMBER, UNKNOWN_STRING, job, labels, resource, service } from "../helpers.ts";
import type { TestResource } from "../helpers.ts";
import { fails, failsUnder, stack, under } from "./case.ts";
import type { RuleCases } from "./case.ts";

const edgeNet = resource("network", "sbc-net", { name: "sbc-net" });
const frontNet = resource("network", "front-net", { name: "front-net", labels: labels("front", "front") });
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
const leg = (role: string, plane: string) => ({ role, planes: [plane], reason: "its work is on that network" });
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
/** The same in two files and in other blanks. */
const settings = '  loadmodule   "tm"\nmodparam( "auth" , "secret" , NONCE_SECRET )';
const flood = `  route[FLOOD] {
  // bans and checks
  if ($sht(ipbanned=>$si) != $null) exit; sanity_check ();
  if (!pike_check_req ()) exit; # too many
  }`;
const relayConf = (...contents: string[]) => staged(...contents.map((content) => ({ file: "/s/r.conf", content })));
const tls = (content: string) => staged({ file: "/s/tls.cfg", content });
const tlsSection = (method: string) => `[server:default]\nmethod = ${method}\n[client:default]\nmethod = TLSv1.2+\n`;

export const stackCases: readonly RuleCases[] = [
  {
    rule: rules.ruleNamed("stack-published-on-reachable-net"),
    passes: {
      "it joins no network": stack(service({ ...publish(8443), ...on() })),

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
      "it is made from a key as well": stack(
        resource("key", "key", { algorithm: "ED25519" }),
        request(),
        resource("leaf", "kamailio-cert", leafProps, { from: { certRequestPem: ["key", "request"] } }),
      ),

      "it lives as long as it may": stack(request(), leaf({ validityPeriodHours: 9552 })),
      "it names a URI": stack(request({ uris: ["sip:sip.example.org"] }), leaf()),
      "its request is not of this stack": stack(resource("leaf", "kamailio-cert", leafProps)),
      "its life is unknown and its renewal early enough": stack(
        request(),
        leaf({ validityPeriodHours: UNKNOWN_NUMBER }),
      ),

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
        /^The certificate is inside its renewal window/,
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
      "a password feeds a file": stack(
        resource("password", "p", { length: 24 }),
        job({}, { from: { uploads: ["p"] } }),
      ),
      "a volume's name is random": stack(
        resource("randomString", "suffix"),
        service({}, { from: { volumes: ["suffix"] } }),
      ),

      "it is long": stack(resource("password", "p", { length: 24 })),
      "a plain text is no credential": stack(
        resource("randomString", "suffix"),
        service({}, { from: { name: ["suffix"] } }),
      ),
    },
    fails: {
      ...Object.fromEntries(
        ["command", "entrypoints"].map((carrier) => [
          `a plain text feeds ${carrier}`,
          fails(
            new RegExp(`^Its ${carrier} are made from suffix`),
            resource("randomString", "suffix"),
            service({}, { from: { [carrier]: ["suffix"] } }),
          ),
        ]),
      ),
      ...Object.fromEntries(
        ["String", "Pet", "Id", "Integer", "Shuffle", "Uuid", "Uuid4", "Uuid7"].map((kind) => [
          `a Random${kind} feeds a file`,
          fails(
            /uploads are made from suffix/,
            { type: `random:index/random${kind}:Random${kind}`, name: "suffix", props: {} },
            job({}, { from: { uploads: ["suffix"] } }),
          ),
        ]),
      ),

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
      "as many are published as there may be": stack(
        service(publish(...Array.from({ length: 40 }, (_, index) => 30000 + index))),
      ),
      "many TCP ports are published": stack(
        service({
          ports: Array.from({ length: 41 }, (_, index) => ({
            internal: index + 1,
            external: index + 1,
            protocol: "tcp",
          })),
        }),
      ),
      "the relay publishes nothing": stack(relay(), staged(range(30000, 30003))),
      "another role mounts the range's file": stack(
        named("proxy", "proxy", "media", { ...publish(5060), ...mount("conf", "/etc/rtpengine", true) }),
        staged(range(30000, 30003)),
      ),
      ...Object.fromEntries(
        [
          "[other]\nport-min = 30000\nport-max = 30009\n",
          "[rtpengine]\n",
          "[rtpengine]\nport-min = 30000\n",
          "[rtpengine]\nport-max = 30009\n",
          "[rtpengine]\nno-port-min = 30000\nport-max = 30009\n",
          "[rtpengine]\nport-min = 30000\nno-port-max = 30009\n",
        ].map((content) => [
          `the range is not told by ${JSON.stringify(content)}`,
          stack(relay(30000), staged({ file: "/s/rtpengine.conf", content })),
        ]),
      ),
      "the file is unknown": stack(relay(30000), staged({ file: "/s/rtpengine.conf", content: UNKNOWN_STRING })),

      "nothing is published": stack(service()),
      "the whole range is published": stack(relay(30000, 30001, 30002), staged(range(30000, 30002))),
      "the range is not staged here": stack(relay(30000)),
    },
    fails: {
      "the relay uses others, told by the second of its files": fails(
        /30000 to 30003, and 3 of them are not/,
        relay(30000),
        staged({ file: "/s/first.conf", content: "[rtpengine]\nport-min = 1\n" }, range(30000, 30003)),
      ),
      "the relay uses others, told by the third of its files": fails(
        /30000 to 30003, and 3 of them are not/,
        relay(30000),
        staged(
          { file: "/s/first.conf", content: "[rtpengine]\n" },
          { file: "/s/second.conf", content: "[rtpengine]\nport-max = 1\n" },
          range(30000, 30003),
        ),
      ),

      "the relay uses others, told without blanks": fails(
        /30000 to 30003, and 3 of them are not/,
        relay(30000),
        staged({ file: "/s/rtpengine.conf", content: "[rtpengine]\nport-min=30000\nport-max=30003\n" }),
      ),

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
      "policy config requires the plane, and there is one": under({ required: true }, monitoringNet, grafana()),

      "a tool is inside": stack(monitoringNet, grafana()),
      "there is no tool": stack(service()),
      "its work is on a network outside": under(
        { legs: [leg("grafana", "front")] },
        frontNet,
        grafana(on("front-net")),
      ),
    },
    fails: {
      "policy config requires the plane, and there is none": failsUnder(
        { required: true },
        /^The stack has no monitoring container/,
        monitoringNet,
        service(),
      ),

      "a tool is outside": fails(
        /network sbc-net is not internal/,
        edgeNet,
        monitoringNet,
        grafana(on("monitoring-net", "sbc-net")),
      ),
      "a tool is on a foreign network": fails(/network foreign is not one of this stack/, grafana(on("foreign"))),
      "another tool's work is on that network": failsUnder(
        { legs: [leg("kibana", "front")] },
        /network front-net is not internal/,
        frontNet,
        grafana(on("front-net")),
      ),
      "its work is on another network": failsUnder(
        { legs: [leg("grafana", "edge")] },
        /network front-net is not internal/,
        frontNet,
        grafana(on("front-net")),
      ),
      "its work is on another network, and this one has no plane": failsUnder(
        { legs: [leg("grafana", "front")] },
        /network sbc-net is not internal/,
        edgeNet,
        grafana(on("sbc-net")),
      ),
    },
    undecided: { "networks are unknown": stack(grafana({ networksAdvanced: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("stack-db-private-and-persistent"),
    passes: {
      "another mount's target is unknown, and its own known": stack(
        volume("db"),
        mariadb({
          volumes: [
            { volumeName: "db", containerPath: UNKNOWN_STRING },
            { volumeName: "db", containerPath: "/var/lib/mysql" },
          ],
        }),
      ),
      "the name of a mount of the other kind is unknown, its origin known": stack(
        volume(UNKNOWN_STRING),
        mariadb(
          { mounts: [{ type: "volume", source: UNKNOWN_STRING, target: "/var/lib/mysql" }] },
          { from: { mounts: [UNKNOWN_STRING] } },
        ),
      ),

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
      "there is none": fails(/^The stack has no container with the role "mariadb"/, service()),
      ...Object.fromEntries(
        Object.entries({
          "homer-db": "/var/lib/postgresql",
          elasticsearch: "/usr/share/elasticsearch/data",
          prometheus: "/var/lib/prometheus",
        }).map(([role, path]) => [
          `the data of ${role} are in the container`,
          fails(
            new RegExp(`^No volume of this stack is mounted at ${path}`),
            volume("db"),
            mariadb(),
            named(role, role, "monitoring"),
          ),
        ]),
      ),
      "a temporary file system is mounted there": fails(
        /^No volume of this stack/,
        volume("db"),
        mariadb({ mounts: [{ type: "tmpfs", source: "db", target: "/var/lib/mysql" }] }),
      ),
      "the volume's name is unknown and its origin another": fails(
        /^No volume of this stack/,
        volume("other"),
        resource("volume", "db", { name: UNKNOWN_STRING }, { options: { protect: true } }),
        mariadb(mount(UNKNOWN_STRING, "/var/lib/mysql"), { from: { volumes: ["test-net"] } }),
        resource("network", "test-net"),
      ),
      "the volume's name is unknown and so is its origin": fails(
        /^No volume of this stack/,
        volume("db"),
        mariadb(mount(UNKNOWN_STRING, "/var/lib/mysql")),
      ),
      "one of two origins is not protected": fails(
        /not protected/,
        volume("other"),
        resource("volume", "db", { name: UNKNOWN_STRING }),
        mariadb(mount(UNKNOWN_STRING, "/var/lib/mysql"), { from: { volumes: ["test-net", "db"] } }),
        resource("network", "test-net"),
      ),

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
      "the stack is another's": stack(
        service({ labels: [{ label: "sbc.role", value: "mariadb" }] }),
        service({ labels: undefined, ...mount("db", "/out") }, { name: "a" }),
        service({ labels: undefined, ...mount("db", "/out") }, { name: "b" }),
      ),
      "two services write to memory, to the host and to what nobody knows": stack(
        volume("db"),
        mariadb(),
        ...["a", "b"].map((name) =>
          service(
            {
              volumes: [
                { hostPath: "/srv", containerPath: "/srv" },
                { volumeName: UNKNOWN_STRING, containerPath: "/x" },
              ],
              mounts: [{ type: "tmpfs", target: "/tmp" }],
            },
            { name },
          ),
        ),
      ),
      "one service mounts the volume twice": stack(
        volume("db"),
        mariadb({
          volumes: [
            { volumeName: "db", containerPath: "/var/lib/mysql" },
            { volumeName: "db", containerPath: "/var/lib/other" },
          ],
        }),
      ),

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
      "policy config requires them, and there is one": under(
        { required: true },
        grafana(),
        nginx,
        staged(site('auth_basic "sbc";'), passwords("0400")),
      ),
      "one of two networks is shared": stack(
        grafana(on("data-net", "monitoring-net")),
        nginx,
        staged(site("\tauth_basic   $realm;"), passwords("0400")),
      ),
      "what is staged beside is no site": stack(
        grafana(),
        nginx,
        staged(
          site('auth_basic "sbc";'),
          passwords("0400"),
          {
            file: "/s/upstream.conf",
            content: "upstream grafana { server grafana:3000; }\n# the server { } is elsewhere\n",
          },
          { file: "/s/mime", content: "fileserver{}" },
          { file: "/s/htpasswd/readme", content: "how to make one" },
        ),
      ),

      "it tells listed addresses its statistics, and comments have braces": stack(
        grafana(),
        nginx,
        staged(
          site("allow 10.6.0.18; deny all;".replaceAll("; ", ";\n")),
          {
            file: "/s/more.conf",
            content: 'server {\n  # }\n  location /api/ { auth_basic off; }\n  auth_basic "x";\n}\n',
          },
          passwords("0400"),
        ),
      ),
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
      "policy config requires them, and there is none": failsUnder(
        { required: true },
        /^The stack has no dashboard/,
        service(),
      ),
      "there is no front door": fails(/^There are dashboards and no front door \(role "nginx"\)/, grafana()),
      ...Object.fromEntries(
        ["kibana", "prometheus", "alertmanager", "homer-app", "elasticsearch"].map((role) => [
          `${role} publishes`,
          fails(
            /publishes ports of its own/,
            named(role, role, "monitoring", { ...on("monitoring-net"), ...publish(80) }),
            nginx,
          ),
        ]),
      ),
      "the question is only a comment, in a site of another layout": fails(
        /^The site file \/s\/site\.conf asks for no password/,
        grafana(),
        nginx,
        staged({ file: "/s/site.conf", content: "  server{\n  # auth_basic on;\n}\n" }, passwords("0400")),
      ),
      "the question is off, after many blanks": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(site("auth_basic   off;"), passwords("0400")),
      ),
      "a password file has another name": fails(
        /^The password file \/s\/htpasswd-kibana has mode 0640/,
        grafana(),
        nginx,
        staged(site('auth_basic "sbc";'), { file: "/s/htpasswd-kibana", content: "x", permissions: "0640" }),
      ),

      "the second of two servers in a file asks nobody": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(
          { file: "/s/site.conf", content: `${site('auth_basic "sbc";').content}${site("").content}` },
          passwords("0440"),
        ),
      ),
      "it asks at one place only": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(site('location /x {\n auth_basic "sbc";\n deny all;\n }'), passwords("0440")),
      ),
      "it tells everybody its statistics": fails(
        /asks for no password/,
        grafana(),
        nginx,
        staged(site("allow all;\n  deny all;"), passwords("0440")),
      ),
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
      "the passwords are yet to be generated": stack(
        grafana(),
        nginx,
        staged(site('auth_basic "sbc";')),
        job({ uploads: UNKNOWN_LIST, ...mount("conf", "/out") }, { name: "secrets" }),
      ),
    },
  },
  {
    rule: rules.ruleNamed("stack-min-redundancy"),
    passes: {
      "one has no address of its own": stack(
        node(1),
        named("asterisk-2", "asterisk", "voice", on("sbc-net")),
        rows("10.5.0.10"),
      ),
      "one has a second address that is not listed": stack(
        node(1),
        named("asterisk-2", "asterisk", "voice", {
          networksAdvanced: [
            { name: "data-net", ipv4Address: "10.7.0.11" },
            { name: "sbc-net", ipv4Address: "10.123.45.11" },
          ],
        }),
        rows("10.5.0.10", "10.123.45.11"),
      ),

      "two are listed": stack(node(1), node(2), rows("10.5.0.10", "10.5.0.11")),
      "the list is not staged here": stack(node(1), node(2)),
      "the stack is another's": stack(service({ labels: undefined })),
    },
    fails: {
      "there is none": fails(/^The stack has 0 container\(s\)/, mariadb()),
      "one is listed for something else": fails(
        /not in the dispatcher's list/,
        node(1),
        node(2),
        rows("10.5.0.10"),
        job(
          { uploads: [{ file: "/s/trunks.sql", content: "INSERT INTO trunks VALUES ('sip:10.5.0.11:5060');" }] },
          { name: "trunks" },
        ),
      ),
      "its address has more digits than the list's": fails(
        [/not in the dispatcher's list/],
        node(1),
        named("asterisk-2", "asterisk", "voice", { networksAdvanced: [{ name: "sbc-net", ipv4Address: "10.5.0.1" }] }),
        rows("10.5.0.10"),
      ),

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
      ...Object.fromEntries(
        ["homer", "nginx"].map((role) => [
          `that of ${role} is signed by the stack`,
          fails(new RegExp(`^The certificate of ${role} is signed`), request(), leaf({}, `${role}--cert`)),
        ]),
      ),

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
      "a script says what it does not load": stack(
        staged({ file: "/s/k.cfg", content: 'loadmodule "xlog.so"\nxlog("without loadmodule "tm.so"")\n' }),
      ),
      "its parameters stand close together": stack(
        staged({ file: "/s/k.cfg", content: script().replace('"auth", "secret"', '"auth","secret"') }),
      ),

      "its script is in parts, written in another way": stack(
        staged({ file: "/s/a.cfg", content: settings }, { file: "/s/b.cfg", content: flood }),
      ),
      "a text speaks of what it does not load": stack(
        staged({ file: "/s/readme", content: 'first comes loadmodule "tm.so"\n' }),
      ),
      "TLS sections are written in another way": stack(
        tls(
          "# ours\nverify_depth = 3\n\n  [server:default]\n  method=TLSv1.2\nserver_name = edge[1].example\n\n[client:default]\nmethod  =  TLSv1.3+\n",
        ),
      ),
      ...Object.fromEntries(
        ["TLSv1.2", "TLSv1.2+", "TLSv1.3", "TLSv1.3+"].map((method) => [
          `TLS starts at ${method}`,
          stack(tls(tlsSection(method))),
        ]),
      ),
      "sections are another program's": stack(tls("[mariadbd]\nnote = [server:default]\n")),
      "the relay says nothing of learning": stack(relayConf("[rtpengine]\ninterface = 10.5.0.4\n")),
      "another relay's words are not read": stack(
        relayConf(
          "[other]\nendpoint-learning = immediate\n",
          "about [rtpengine]\nendpoint-learning = immediate\n",
          "[rtpengine]\nno-endpoint-learning = immediate\n",
        ),
      ),

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
      "everything is missing, in parts": fails(
        [/^Floods/, /^Banned/, /^Broken/, /^Nonces/],
        staged(
          { file: "/s/a.cfg", content: "request_route {\n}" },
          { file: "/s/b.cfg", content: 'loadmodule "tm.so"' },
        ),
      ),
      "everything is missing, and the module is named in another way": fails(
        [/^Floods/, /^Banned/, /^Broken/, /^Nonces/],
        staged({ file: "/s/a.cfg", content: '\t  loadmodule  "tm"' }),
      ),
      "only other texts speak of it": fails(
        /pike_check_req/,
        staged(
          { file: "/s/k.cfg", content: script("pike") },
          { file: "/s/rows.sql", content: "call pike_check_req()\n" },
          { file: "/s/readme", content: 'pike_check_req() wants loadmodule "pike.so"\n' },
          { file: "/s/howto", content: "on the way: take this route { pike_check_req() }\n" },
        ),
      ),
      "the second TLS section is too old, and indented": fails(
        /^The TLS section \[client:default\] allows/,
        tls("[server:default]\nmethod = TLSv1.2\n  [client:default]\nmethod = TLSv1\n"),
      ),
      "the only TLS section is too old, and indented": fails(
        /^The TLS section \[server:default\] allows/,
        tls("  [server:default]\n  method = TLSv1.1\n"),
      ),
      "a TLS section only says something alike": fails(
        /^The TLS section \[server:default\] allows/,
        tls("[server:default]\nno_method = TLSv1.2\n"),
      ),
      "the relay learns late, in another layout": fails(
        /^RTPengine's endpoint learning "delayed"/,
        relayConf("  [rtpengine]\n  endpoint-learning=delayed\n"),
      ),

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
