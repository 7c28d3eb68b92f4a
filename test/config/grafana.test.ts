import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FileMap } from "../../configs/files.ts";
import { grafanaRuntime, renderGrafanaConfig, renderGrafanaSecrets } from "../../configs/grafana/index.ts";
import { TestContainer } from "../support/container.ts";
import { ensureStandIn } from "../support/images.ts";

const config = renderGrafanaConfig({
  url: "https://dashboards.example.test:3000/",
  prometheus: "http://prometheus:9090",
  alertmanager: "http://alertmanager:9093",
  scrapeSeconds: 15,
});
const secrets = renderGrafanaSecrets({ password: "p".repeat(32), secretKey: "k".repeat(32) });

async function start(files: { config: FileMap; secrets: FileMap }): Promise<TestContainer> {
  const { mounts, uid, memoryMb, tmpfs } = grafanaRuntime;
  return TestContainer.start({
    role: "grafana",
    image: await ensureStandIn("grafana"),
    files: { [mounts.config]: files.config, [mounts.secrets]: files.secrets },
    tmpfs,
    command: ["node", "/opt/stand-in/main.mjs"],
    uid,
    memoryMb,
  });
}

describe("the stand-in for Grafana", () => {
  it("starts with the files of a stack, and is found healthy", async () => {
    await using grafana = await start({ config, secrets });
    await grafana.healthy(grafanaRuntime.healthcheck);
    assert.match(grafana.output, /"message":"8 dashboards"/);
  });

  const name = "dashboards/sbc-overview.json";
  const wrong: Record<string, [{ config: FileMap; secrets: FileMap }, RegExp]> = {
    "a dashboard that asks a data source which there is not": [
      { config: { ...config, [name]: (config[name] ?? "").replace('"uid":"prometheus"', '"uid":"other"') }, secrets },
      /sbc-overview\.json: .*: no data source other/,
    ],
    "a dashboard that is no JSON": [
      { config: { ...config, [name]: "{" }, secrets },
      /sbc-overview\.json cannot be read/,
    ],
    "a data source file that is no YAML": [
      { config: { ...config, "provisioning/datasources/sbc.yaml": "a: [" }, secrets },
      /datasources\/sbc\.yaml cannot be read/,
    ],
    "the password that every Grafana starts with": [
      { config, secrets: { ...secrets, "admin-password": "admin" } },
      /admin_password is not set or the well-known one/,
    ],
    "no file with its key": [{ config, secrets: { "admin-password": "p".repeat(32) } }, /secret-key: .*no such file/],
  };
  for (const [what, [files, problem]] of Object.entries(wrong)) {
    it(`does not start with ${what}`, async () => {
      await using grafana = await start(files);
      assert.equal(await grafana.ended(), 1, grafana.output);
      assert.match(grafana.output, problem);
    });
  }
});
