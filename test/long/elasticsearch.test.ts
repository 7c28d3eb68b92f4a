import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  elasticsearchRuntime,
  renderElasticsearchConfig,
  renderElasticsearchSecrets,
} from "../../configs/elasticsearch/index.ts";
import { indexTemplate, users } from "../../configs/elasticsearch/objects.ts";
import { contextHash, ownBase } from "../../components/context-hash.ts";
import { docker } from "../sip/docker.ts";
import { testAuthority } from "../support/certificates.ts";
import { TestContainer } from "../support/container.ts";

/** The newest that Maven Central has; the stack's own image is newer. */
const version = "9.2.0";
const artifact = "org.elasticsearch.distribution.integ-test-zip:elasticsearch";
const sources = join(import.meta.dirname, "../images/elasticsearch-core");
const password = "setup1234567890";

async function ensureImage(): Promise<string> {
  const name = `sbc-test-elasticsearch-core:${contextHash(sources, { BASE: ownBase, version })}`;
  if ((await docker(["images", "--quiet", name])) !== "") return name;
  execFileSync("mvn", ["-q", "-B", "dependency:get", `-Dartifact=${artifact}:${version}:zip`, "-Dtransitive=false"]);
  const zip = join(
    homedir(),
    ".m2/repository",
    ...artifact.split(":").flatMap((part) => (part.includes(".") ? part.split(".") : [part])),
    version,
    `elasticsearch-${version}.zip`,
  );
  const context = mkdtempSync(join(tmpdir(), "sbc-elasticsearch-"));
  try {
    copyFileSync(zip, join(context, "elasticsearch.zip"));
    copyFileSync(join(sources, "Dockerfile"), join(context, "Dockerfile"));
    await docker(["build", "--quiet", "--build-arg", `BASE=${ownBase}`, "--tag", name, context], { timeout: 600_000 });
  } finally {
    rmSync(context, { recursive: true });
  }
  return name;
}

const skip = spawnSync("mvn", ["--version"]).error !== undefined && "there is no Maven (mvn), which downloads it";

describe(`the real Elasticsearch ${version}, without most of its modules`, { skip, timeout: 900_000 }, () => {
  let node: TestContainer;
  before(async () => {
    const image = await ensureImage();
    const authority = await testAuthority("Log pipeline CA");
    const { pem, keyPem } = await authority.issue("elasticsearch", { names: ["elasticsearch", "localhost"] });
    const tls = { ca: authority.pem, certificate: pem, key: keyPem };
    const { mounts, tmpfs, uid, command, memoryMb, healthcheck } = elasticsearchRuntime();
    const config = renderElasticsearchConfig({ clusterName: "sbc-test" });
    node = TestContainer.start({
      role: "elasticsearch",
      image,
      files: {
        [mounts.config]: {
          ...config,
          // Settings of modules that this build does not have.
          "elasticsearch.yml": (config["elasticsearch.yml"] ?? "").replaceAll(/^(xpack\.ml|ingest\.geoip)\..*$/gm, ""),
        },
        [mounts.secrets]: renderElasticsearchSecrets({ tls, setupPassword: password, salt: "s".repeat(22) }),
      },
      tmpfs: { ...tmpfs, [mounts.data]: `uid=${uid},gid=${uid},mode=0750,size=64m` },
      command: [...command],
      uid,
      memoryMb,
      // Its logger looks up its own name, and ends when there is none.
      hostname: "localhost",
    });
    await node.healthy(healthcheck, 240_000);
  });
  after(() => node?.[Symbol.asyncDispose]());

  /** A request as the set-up user; the answer with its status behind it. */
  async function ask(method: string, path: string, body?: object, secret = password): Promise<string> {
    const { stdout } = await node.exec(
      [
        ...["curl", "--silent", "--cacert", "/run/secrets/ca.crt", "--user", `${users.setup}:${secret}`],
        ...["--request", method, "--header", "content-type: application/json", "--write-out", " %{http_code}"],
        ...(body === undefined ? [] : ["--data-binary", "@-"]),
        `https://localhost:9200${path}`,
      ],
      body === undefined ? "" : JSON.stringify(body),
    );
    return stdout.toString("utf8");
  }

  it("starts from our files on a read-only root, within its memory limit, and knows the set-up user by its hash", async () => {
    assert.match(
      await ask("GET", "/_security/_authenticate"),
      /"username":"sbc_setup","roles":\["superuser"\].* 200$/s,
    );
    assert.match(await ask("GET", "/_security/_authenticate", undefined, "wrong"), / 401$/);
    assert.match(await ask("GET", "/_license"), /"type" : "basic"/);
  });

  it("takes the index template, makes a data stream by it, and finds a line by its Call-ID", async () => {
    // The types of two modules that are not in this build.
    const text = JSON.stringify(indexTemplate(7))
      .replaceAll('"match_only_text"', '"text"')
      .replaceAll('"constant_keyword"', '"keyword"');
    const answer = await ask("PUT", "/_index_template/logs-sbc", JSON.parse(text) as object);
    assert.match(answer, /"acknowledged":true.* 200$/);
    const line = {
      "@timestamp": new Date().toISOString(),
      message: "leg in xcid 1-2@10.5.0.130",
      sip: { call_id: "1-2@10.5.0.130", status: "nonsense" },
      source: { ip: "" },
      more: { than: "the template knows" },
    };
    const made = await ask("POST", "/logs-sbc.kamailio-default/_doc?refresh=true", line);
    assert.match(made, /"_index":"\.ds-logs-sbc\.kamailio-default-.* 201$/);
    const found = await ask("GET", "/logs-sbc.*/_search?q=sip.call_id:%221-2@10.5.0.130%22");
    assert.match(found, /"value":1,.*"_ignored":\["sip\.status","source\.ip"\]/);
    assert.match(await ask("GET", "/logs-sbc.*/_search?q=more.than:the"), /"value":0/);
    assert.match(await ask("GET", "/_cluster/health"), /"status":"green"/);
  });
});
