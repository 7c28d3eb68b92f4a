import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { compareSync } from "bcryptjs";
import { load } from "js-yaml";
import { logFields, mappingProperties } from "../../configs/elasticsearch/fields.ts";
import {
  checkPasswords,
  elasticsearchDefaults,
  elasticsearchRuntime,
  elasticsearchUrl,
  renderElasticsearchConfig,
  renderElasticsearchSecrets,
  renderSetupBodies,
  renderSetupLogin,
} from "../../configs/elasticsearch/index.ts";
import { indexTemplate, logStreams, roles, users } from "../../configs/elasticsearch/objects.ts";
import { filebeatRuntime, renderFilebeatConfig, syslogPort } from "../../configs/filebeat/index.ts";
import { kibanaDefaults, kibanaRuntime, renderKibanaConfig, renderKibanaSecrets } from "../../configs/kibana/index.ts";
import { renderObjects, savedObjects, type SavedObject } from "../../configs/kibana/objects.ts";
import {
  beatsPort,
  logstashDefaults,
  logstashRuntime,
  renderLogstashConfig,
  renderLogstashSecrets,
} from "../../configs/logstash/index.ts";
import { masks } from "../../configs/logstash/masking.ts";
import { linePatterns, mariadbPattern, rtpenginePattern } from "../../configs/logstash/patterns.ts";
import { quoted, renderPipeline, streamServices } from "../../configs/logstash/pipeline.ts";
import { grok, ruby, rubyReplacement } from "../support/grok.ts";

const tls = { ca: "CA", certificate: "CERT", key: "KEY" };
const password = "abcdefgh12345678";
const masked = (line: string) =>
  masks.reduce(
    (text, { pattern, replacement }) => text.replace(ruby(pattern, "g"), rubyReplacement(replacement)),
    line,
  );

describe("masking of secrets in log lines", () => {
  const digest = String.raw`{ "level": "ERROR", "message": "bad header field [Authorization: Digest username=\"alice\", realm=\"sip.example.test\", nonce=\"Zwz5Hmcs+PLd\", uri=\"sip:sip.example.test\", response=\"6629fae49393a05397450978507c4ef1\", qop=auth, cnonce=\"0a4f113b\", nc=00000001\r\nVia: SIP/2.0/UDP 10.5.0.130\r\n]" }`;
  const secrets: readonly [string, string, readonly string[], readonly string[]][] = [
    [
      "the response of digest authentication, in JSON",
      digest,
      ["6629fae49393a05397450978507c4ef1", "0a4f113b"],
      [
        String.raw`username=\"alice\"`,
        String.raw`nonce=\"Zwz5Hmcs+PLd\"`,
        "nc=00000001",
        "Via: SIP/2.0/UDP 10.5.0.130",
      ],
    ],
    [
      "the same of a proxy, in plain text, with spaces",
      'Proxy-Authorization: Digest username="bob", response = "0123456789abcdef0123456789abcdef"',
      ["0123456789abcdef"],
      ['username="bob"'],
    ],
    ["SHA-256", `response="${"ab".repeat(32)}"`, ["abab"], ["response="]],
    ["a bearer token", "authorization: Bearer eyJhbGciOi.J9.abc-_x==", ["eyJ"], ["authorization: Bearer "]],
    ["basic authentication", '"authorization":"Basic YWxpY2U6c2VjcmV0"', ["YWxp"], ["authorization"]],
    ["the key in X-Company-Signature", String.raw`X-Company-Signature: s3cr3t-k3y\r\nTo: x`, ["s3cr3t"], ["To: x"]],
    [
      "a master key of SRTP",
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
      ["d0Rmdmcm"],
      ["AES_CM_128_HMAC_SHA1_80"],
    ],
    [
      "a password in a database URL",
      "cannot open mysql://kamailio:pa55word@10.7.0.3:3306/kamailio",
      ["pa55"],
      ["@10.7.0.3"],
    ],
    ["a password in a SIP URI", "INVITE sip:alice:hunter22@sip.example.test SIP/2.0", ["hunter22"], ["sip:alice:"]],
    ["a password in JSON", String.raw`{"msg":"x","password":"pa55word","user":"y"}`, ["pa55"], ['"user":"y"']],
    ["a password in a setting", "client_secret=AbC123 scope=x", ["AbC123"], ["scope=x"]],
  ];
  for (const [what, line, gone, kept] of secrets) {
    it(`hides ${what}, and nothing else`, () => {
      const result = masked(line);
      for (const text of gone) assert.ok(!result.includes(text), result);
      for (const text of kept) assert.ok(result.includes(text), result);
      assert.ok(result.includes("[masked]"), result);
      if (line.startsWith("{")) assert.doesNotThrow(() => JSON.parse(result) as unknown, result);
      assert.equal(masked(result), result, "twice is as good as once");
    });
  }

  it("leaves lines without a secret as they are", () => {
    for (const line of [
      cdr,
      "wrong credentials from 10.5.0.130, last as user alice",
      String.raw`{"hostname":"asterisk-1","timestamp":"2026-11-25T16:31:10.418+0000","logmsg":{"message":"leg in xcid a:b@c"}}`,
      "Access denied for user 'report'@'10.7.0.66' (using password: YES)",
      "[1795624617.645876] NOTICE: [17-669-c2a4c74f@10.120.249.134]: [core] Creating new call",
      "GET https://grafana.example.org:3000/api/health 200",
      "Call-ID: 5a1b:c2@10.5.0.2, nonce=abcdef, algorithm=MD5",
    ]) {
      assert.equal(masked(line), line);
    }
  });

  it("takes no longer than a line's length allows, whatever the line", () => {
    const evil = ["response=", "x://", "sip:", "password:", "authorization: ", '\\"', "a".repeat(20)];
    const start = performance.now();
    for (const part of evil) masked(part.repeat(Math.ceil(16_384 / part.length)));
    // A pattern that tries all ways to divide the line would need minutes.
    assert.ok(performance.now() - start < 5000, `${performance.now() - start} ms`);
  });
});

const cdr = String.raw`cdr ('srid-6b070d53-7-221','13-669-c2a4c74f@10.120.249.134','bob','10.120.249.134',FROM_UNIXTIME(1795624616.646369),'x\'1@10.120.249.134','in','bob','600','sip:10.120.249.11:5060','','PCMU','200','bye','caller',NULL,FROM_UNIXTIME(1795624616.648845),FROM_UNIXTIME(1795624617.653352),1795624617.653352-1795624616.648845)`;

describe("lines that are recognised", () => {
  const first = (service: string, message: string) => {
    for (const pattern of linePatterns.filter((one) => one.service === service)) {
      const fields = grok(pattern.match, message);
      if (fields !== undefined) return { ...fields, ...unbracketed(pattern.add ?? {}) };
    }
    return undefined;
  };
  const unbracketed = (fields: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.slice(1, -1).replaceAll("][", "."), value]));

  it("reads a call record of the edge", () => {
    assert.deepEqual(first("kamailio", cdr), {
      "sip.call_id": "13-669-c2a4c74f@10.120.249.134",
      "call.account": "bob",
      "source.ip": "10.120.249.134",
      "sip.correlation_id": String.raw`x\'1@10.120.249.134`,
      "call.direction": "in",
      "call.caller": "bob",
      "call.callee": "600",
      "call.node": "sip:10.120.249.11:5060",
      "call.trunk": "",
      "call.codec": "PCMU",
      "sip.status": "200",
      "call.cause": "bye",
      "call.ended_by": "caller",
      "sip.method": "INVITE",
    });
    const unanswered = cdr
      .replace("FROM_UNIXTIME(1795624616.648845),FROM", "NULL,FROM")
      .replace(/,[0-9.]+-[0-9.]+\)$/, ",0)");
    assert.equal(first("kamailio", unanswered)?.["call.account"], "bob");
  });

  it("reads no record out of the middle of another line, which a phone may have written", () => {
    assert.equal(first("kamailio", `bad header field [\r\n${cdr}\r\n]`), undefined);
    assert.equal(first("kamailio", `leg in xcid a\nleg in xcid b`), undefined);
  });

  /** What the script and the dialplan really log: their own texts, with a value for each variable. */
  const logged = (folder: string, values: Readonly<Record<string, string>>) => {
    const texts = readdirSync(folder).flatMap((name) => {
      const text = readFileSync(`${folder}/${name}`, "utf8");
      return [
        ...[...text.matchAll(/xlog\("L_[A-Z]+", "([^"]*)\\n"\)/g)].map(([, line = ""]) => line),
        ...[...text.matchAll(/,Log\(NOTICE,(.*)\)$/gm)].map(([, line = ""]) => line),
      ];
    });
    return texts.map((line) =>
      Object.entries(values).reduce((result, [name, value]) => result.replaceAll(name, value), line),
    );
  };
  const byAction = (service: string, lines: readonly string[]) =>
    lines.flatMap((line) => {
      const fields = first(service, line);
      return fields === undefined ? [] : [{ line, fields }];
    });

  it("reads the lines that the edge's script writes", () => {
    const lines = logged("configs/kamailio/static", {
      $si: "192.0.2.7",
      $au: "alice",
      SBC_BAN_SECONDS: "300",
      "$var(why)": "pike",
      "$var(verdict)": "wrong",
      "$var(row)": cdr.slice(4),
      "$dlg_var(direction)": "out",
      "$dlg_var(xcid)": "1-2@10.5.0.130",
      "$dlg_var(node)": "sip:10.5.0.10:5060",
      $T_reply_code: "503",
    });
    const found = byAction("kamailio", lines);
    const actions = new Set(found.map(({ fields }) => fields["event.action"]));
    assert.deepEqual(
      [...actions].toSorted(),
      ["ban", "certificate", "signature", "wrong-credentials", undefined].toSorted(),
    );
    for (const { line, fields } of found.filter((one) => one.fields["event.action"] !== undefined)) {
      assert.equal(fields["source.ip"], "192.0.2.7", line);
    }
    // Every pattern is for a line that is there.
    const used = new Set(linePatterns.filter(({ match }) => lines.some((line) => grok(match, line) !== undefined)));
    const idle = linePatterns.filter((pattern) => pattern.service === "kamailio" && !used.has(pattern));
    assert.deepEqual(idle, []);
  });

  it("reads the lines that the dialplan writes, on both legs", () => {
    const lines = logged("configs/asterisk/static", {
      "${XCID}": "1-2@10.5.0.130",
      "${CHANNEL(pjsip,call-id)}": "af1c-77@10.5.0.10",
      "${CHANNEL(name)}": "PJSIP/edge-00000001",
    });
    const found = byAction("asterisk", lines).map(({ fields }) => fields);
    assert.deepEqual(found.map((fields) => fields["call.direction"]).toSorted(), ["in", "out"]);
    for (const fields of found) {
      assert.equal(fields["sip.correlation_id"], "1-2@10.5.0.130");
      assert.equal(fields["sip.call_id"], "af1c-77@10.5.0.10");
    }
  });

  it("reads RTPengine's text", () => {
    const line = "[1795624617.645876] NOTICE: [17-669-c2a4c74f@10.120.249.134]: [core] Creating new call";
    assert.deepEqual(grok(rtpenginePattern, line), {
      "@metadata.at": "1795624617.645876",
      "log.level": "NOTICE",
      "sip.call_id": "17-669-c2a4c74f@10.120.249.134",
      "log.logger": "core",
      "@metadata.text": "Creating new call",
    });
    const more = "[1795624617.645876] INFO: [17-669@10.1.2.3/5f2/1 port 30002]: [codec] Codec 'PCMU' learned";
    assert.equal(grok(rtpenginePattern, more)?.["sip.call_id"], "17-669@10.1.2.3");
    assert.equal(grok(rtpenginePattern, "[1795624617.645876] INFO: [core] Startup complete")?.["log.logger"], "core");
  });

  it("reads MariaDB's text", () => {
    const line = "2026-11-25 16:31:10 0 [Warning] 'proxies_priv' entry '@% mysql@1f24' ignored";
    assert.deepEqual(grok(mariadbPattern, line), {
      "log.level": "Warning",
      "@metadata.text": "'proxies_priv' entry '@% mysql@1f24' ignored",
    });
  });
});

describe("the page on logs", () => {
  const page = readFileSync("docs/monitoring-logs.md", "utf8");

  it("has the sizes that the containers really get", () => {
    const rows = [
      ["elasticsearch", elasticsearchDefaults.heapMb, elasticsearchRuntime().memoryMb],
      ["logstash", logstashDefaults.heapMb, logstashRuntime().memoryMb],
      ["kibana", kibanaDefaults.heapMb, kibanaRuntime().memoryMb],
      ["filebeat", "", filebeatRuntime.memoryMb],
    ] as const;
    for (const [name, heap, limit] of rows) {
      assert.match(page, new RegExp(`^\\| ${name} +\\| ${heap} *\\| ${limit} +\\|`, "m"), name);
    }
    assert.ok(page.includes(`| ${elasticsearchDefaults.retentionDays} days`));
    assert.ok(
      page.includes(`| ${logstashDefaults.queueMb} MiB`) && page.includes(`| ${logstashDefaults.deadLetterMb} MiB`),
    );
  });
});

/** Fields that a filter may set without being searchable: they are gone before the output, or shown only. */
const passing = /^(@metadata\.|line$|agent$|ecs$|input$|log\.syslog|log\.source|line\.)/;

describe("Logstash's pipeline", () => {
  const pipeline = renderPipeline();
  const code = withoutStrings(pipeline);

  it("is well-formed: strings end, brackets are in pairs", () => {
    let depth = 0;
    for (const character of code) {
      if ("{[(".includes(character)) depth++;
      if ("}])".includes(character)) depth--;
      assert.ok(depth >= 0);
    }
    assert.equal(depth, 0);
  });

  it("uses plugins that every Logstash has, with options that they have", () => {
    const options: Readonly<Record<string, readonly string[]>> = {
      beats: [
        "port",
        "ssl_enabled",
        "ssl_certificate",
        "ssl_key",
        "ssl_certificate_authorities",
        "ssl_client_authentication",
        "ssl_supported_protocols",
        "enrich",
      ],
      mutate: ["copy", "remove_field", "add_field", "gsub", "rename", "strip", "lowercase", "convert", "replace"],
      json: ["source", "target", "tag_on_failure"],
      date: ["match"],
      grok: ["match", "pattern_definitions", "overwrite", "add_field", "tag_on_failure"],
      elasticsearch: [
        "hosts",
        "user",
        "password",
        "ssl_enabled",
        "ssl_certificate_authorities",
        "ssl_verification_mode",
        "data_stream",
        "data_stream_auto_routing",
      ],
    };
    const output = renderLogstashSecrets({ tls, password })["output.conf"] ?? "";
    const all = withoutStrings(pipeline + output);
    const plugins = [...all.matchAll(/^ *(?:mutate|[a-z]+) \{/gm)].map(([text]) => text.trim().slice(0, -2));
    for (const name of new Set(plugins)) {
      assert.ok(["input", "filter", "output", "else", ...Object.keys(options)].includes(name), name);
    }
    const known = new Set(Object.values(options).flat());
    for (const [, option = ""] of all.matchAll(/(?:^|\{) *([a-z_]+) =>/gm)) assert.ok(known.has(option), option);
    assert.ok(plugins.length > 20);
  });

  it("makes no field that cannot be searched", () => {
    const fields = [...pipeline.replaceAll("[masked]", "").matchAll(/((?:\[[@a-z_]+\])+)/g)].map(([text]) =>
      text.slice(1, -1).replaceAll("][", "."),
    );
    assert.ok(fields.length > 50);
    for (const field of new Set(fields)) {
      assert.ok(field in logFields || passing.test(field), `${field} is not in configs/elasticsearch/fields.ts`);
    }
  });

  it("hides secrets before anything else is made of a line", () => {
    const firstMask = pipeline.indexOf(`["message", '`);
    assert.ok(firstMask > 0 && pipeline.lastIndexOf("[masked]") < pipeline.indexOf("json {"));
    assert.equal(pipeline.split("[masked]").length - 1, masks.length);
    // A quote in a pattern must not end the string that it is written in.
    for (const { pattern } of masks) {
      const safe = pattern.includes("'") && pattern.includes('"') ? pattern.replaceAll("'", String.raw`\x27`) : pattern;
      assert.ok(pipeline.includes(quoted(safe)), pattern);
    }
    assert.throws(() => quoted(`'"`), /both kinds of quotes/);
  });

  it("demands Filebeat's certificate", () => {
    assert.match(pipeline, /ssl_client_authentication => "required"/);
    assert.match(pipeline, /ssl_certificate_authorities => \["\/run\/secrets\/ca.crt"\]/);
  });

  it("writes to streams that the template and the writer's role are for", () => {
    const pattern = new RegExp(`^${logStreams.replaceAll(".", String.raw`\.`).replaceAll("*", ".*")}$`);
    for (const name of [...streamServices, "other"]) assert.match(`logs-sbc.${name}-default`, pattern);
  });
});

/** Strings, regular expressions and comments taken out. */
function withoutStrings(text: string): string {
  return text
    .replaceAll(/^ *#.*$/gm, "")
    .replaceAll(/=~ \/(?:[^/\\\n]|\\.)*\//g, "=~ x")
    .replaceAll(/'[^'\n]*'|"[^"\n]*"/g, '""');
}

describe("index template", () => {
  const template = indexTemplate(14);

  it("keeps lines as long as the stack says, on one node", () => {
    assert.equal(template.template.lifecycle.data_retention, "14d");
    assert.equal(template.template.settings.index.number_of_replicas, 0);
    assert.deepEqual(template.data_stream, {});
    assert.ok(template.priority > 200, "else the product's own templates win");
  });

  it("grows with no program's fields", () => {
    assert.equal(template.template.mappings.dynamic, false);
  });

  it("nests fields by their dots, and refuses to keep nothing", () => {
    assert.deepEqual(mappingProperties({ "a.b": "ip", "a.c": "keyword" }), {
      a: { properties: { b: { type: "ip" }, c: { type: "keyword", ignore_above: 1024 } } },
    });
    for (const days of [0, -1, 0.5, Number.NaN]) assert.throws(() => renderSetupBodies(days), /at least one whole day/);
  });

  it("is for no field that is another one's parent", () => {
    const names = Object.keys(logFields);
    for (const name of names) assert.ok(!names.some((other) => other.startsWith(`${name}.`)), name);
  });
});

describe("users and roles", () => {
  it("lets the writer write and read nothing, the reader read and change nothing", () => {
    assert.deepEqual(roles.sbc_log_writer.indices, [
      { names: [logStreams], privileges: ["auto_configure", "create_doc"] },
    ]);
    assert.deepEqual(roles.sbc_log_reader.indices, [
      { names: [logStreams], privileges: ["read", "view_index_metadata"] },
    ]);
  });

  it("gives every user but the set-up's a password by the job", () => {
    const passwords = { setup: password, kibana: password, writer: password, reader: password, admin: password };
    const files = Object.keys(renderSetupLogin(passwords, "CA"));
    for (const [name, user] of Object.entries(users)) {
      const there = files.some((file) => file.endsWith(`/${user}.json`));
      assert.equal(there, name !== "setup", user);
    }
  });

  it("refuses passwords that a tool could not take", () => {
    for (const bad of ["", "short", 'with"quote', "with\\slash", "with space", "ümlaut", "${VAR}", "x".repeat(73)]) {
      assert.throws(() => {
        checkPasswords({ admin: bad });
      }, /Elasticsearch's admin password/);
      assert.throws(() => renderLogstashSecrets({ tls, password: bad }), /writer password/);
    }
    const keys = { session: "k".repeat(31), objects: "k".repeat(32), reporting: "k".repeat(32) };
    assert.throws(() => renderKibanaSecrets({ tls, password, keys }), /session key must be 32/);
    const salt = "s".repeat(22);
    assert.throws(() => renderElasticsearchSecrets({ tls, setupPassword: "a b", salt }), /setup password/);
  });

  it("knows the set-up user by a hash that stays the same", () => {
    const secrets = { tls, setupPassword: password, salt: "s".repeat(22) };
    const [user, hash = ""] = renderElasticsearchSecrets(secrets)["users"]?.trim().split(":") ?? [];
    assert.equal(user, users.setup);
    assert.ok(compareSync(password, hash) && !compareSync("another12345678", hash));
    assert.deepEqual(renderElasticsearchSecrets(secrets), renderElasticsearchSecrets(secrets));
  });
});

describe("settings of the four programs", () => {
  const yaml = (text: string | undefined) => load(text ?? "") as Record<string, unknown>;

  it("have security and TLS on in Elasticsearch, and no licence that ends", () => {
    const yml = yaml(renderElasticsearchConfig({ clusterName: "sbc" })["elasticsearch.yml"]);
    assert.equal(yml["xpack.security.enabled"], true);
    assert.equal(yml["xpack.security.http.ssl.enabled"], true);
    assert.equal(yml["xpack.license.self_generated.type"], "basic");
    assert.equal(yml["transport.host"], "127.0.0.1");
    assert.ok(!("xpack.security.authc.anonymous.roles" in yml));
  });

  it("lead each to the next: Filebeat to Logstash to Elasticsearch, Kibana to Elasticsearch", () => {
    const filebeat = yaml(renderFilebeatConfig()["filebeat.yml"]);
    assert.deepEqual((filebeat["output.logstash"] as Record<string, unknown>)["hosts"], [`logstash:${beatsPort}`]);
    const [input] = filebeat["filebeat.inputs"] as Record<string, unknown>[];
    assert.equal(input?.["host"], `0.0.0.0:${syslogPort}`);
    assert.match(renderPipeline(), new RegExp(`port => ${beatsPort}\\b`));
    assert.ok(renderLogstashSecrets({ tls, password })["output.conf"]?.includes(`"${elasticsearchUrl}"`));
    const kibana = yaml(renderKibanaConfig({ publicUrl: "https://logs.example.org:5601" })["kibana.yml"]);
    assert.deepEqual(kibana["elasticsearch.hosts"], [elasticsearchUrl]);
    assert.equal(kibana["server.publicBaseUrl"], "https://logs.example.org:5601");
  });

  it("keep what waits on disk within bounds", () => {
    const [pipeline] = yaml(renderLogstashConfig({ queueMb: 256 })["pipelines.yml"]) as unknown as Record<
      string,
      unknown
    >[];
    assert.equal(pipeline?.["queue.max_bytes"], "256mb");
    assert.equal(pipeline["dead_letter_queue.enable"], true);
    assert.equal(pipeline["dead_letter_queue.max_bytes"], "128mb");
  });

  it("give a container twice the heap of its Java program, and Node.js's less than its limit", () => {
    assert.equal(elasticsearchRuntime({ heapMb: 700 }).memoryMb, 1400);
    assert.match(
      renderElasticsearchConfig({ clusterName: "sbc", heapMb: 700 })["sbc.options"] ?? "",
      /-Xms700m\n-Xmx700m/,
    );
    assert.equal(logstashRuntime({ heapMb: 300 }).memoryMb, 600);
    assert.match(renderLogstashConfig({ heapMb: 300 })["jvm.options"] ?? "", /-Xms300m\n-Xmx300m/);
    assert.ok(kibanaRuntime().memoryMb > Number(renderKibanaConfig({})["heap-mb"]));
  });

  it("hold no secret in a plain file, and run as no root", () => {
    const plain = [
      renderElasticsearchConfig({ clusterName: "sbc" }),
      renderLogstashConfig(),
      renderKibanaConfig({}),
      renderFilebeatConfig(),
    ].flatMap((files) => Object.values(files));
    for (const text of plain) assert.doesNotMatch(text.replaceAll(/^#.*$/gm, ""), /password *(:|=>)/i);
    for (const { uid } of [elasticsearchRuntime(), logstashRuntime(), kibanaRuntime(), filebeatRuntime]) {
      assert.equal(uid, 1000);
    }
  });
});

describe("Kibana's objects", () => {
  const lines = renderObjects()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SavedObject);
  const key = ({ type, id }: { type: string; id: string }) => `${type}:${id}`;

  it("are one JSON object a line, with ids of their own", () => {
    assert.deepEqual(
      lines,
      savedObjects.map((object) => JSON.parse(JSON.stringify(object)) as SavedObject),
    );
    assert.equal(new Set(lines.map(key)).size, lines.length);
  });

  it("refer only to objects that stand before them", () => {
    const before = new Set<string>();
    for (const object of lines) {
      for (const reference of object.references)
        assert.ok(before.has(key(reference)), `${key(object)} → ${key(reference)}`);
      before.add(key(object));
    }
  });

  it("have each dashboard's panels refer to what is there, side by side", () => {
    const dashboards = lines.filter(({ type }) => type === "dashboard");
    assert.equal(dashboards.length, 3);
    for (const { attributes, references } of dashboards) {
      const panels = JSON.parse(String(attributes["panelsJSON"])) as {
        type: string;
        panelIndex: string;
        panelRefName: string;
        gridData: { x: number; y: number; w: number; h: number };
      }[];
      assert.equal(panels.length, references.length);
      for (const { type, panelIndex, panelRefName, gridData } of panels) {
        const reference = references.find(({ name }) => name === `${panelIndex}:${panelRefName}`);
        assert.equal(reference?.type, type);
        assert.ok(gridData.x + gridData.w <= 48);
      }
    }
  });

  it("name only fields that can be searched", () => {
    const used = lines.flatMap(({ attributes }) => {
      const text = JSON.stringify(attributes);
      const columns = (attributes["columns"] as string[] | undefined) ?? [];
      const sources = [...text.matchAll(/"sourceField":"([^"]+)"/g)].map(([, field = ""]) => field);
      const queries = [...text.matchAll(/"query\\*":\\*"((?:[^"\\]|\\\\\\")*)\\*"/g)].map(([, query = ""]) => query);
      const inQueries = queries.flatMap((query) =>
        [...query.matchAll(/([a-z@_.]+) : /g)].map(([, field = ""]) => field),
      );
      return [...columns, ...sources, ...inQueries];
    });
    assert.ok(used.length > 40);
    for (const field of new Set(used)) assert.ok(field in logFields || field === "___records___", field);
    assert.ok(used.includes("sip.correlation_id") && used.includes("call.ended_by") && used.includes("log.level"));
  });

  it("show every field that the pipeline makes of a call", () => {
    const text = renderObjects();
    for (const field of Object.keys(logFields).filter(
      (name) => name.startsWith("call.") && name !== "call.channel" && name !== "call.node",
    )) {
      assert.ok(text.includes(field), field);
    }
  });
});
