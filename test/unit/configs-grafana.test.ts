import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { load } from "js-yaml";
import { grafanaRuntime, renderGrafanaConfig, renderGrafanaSecrets } from "../../configs/grafana/index.ts";
import type { DashboardFile } from "../support/panels.ts";

const files = renderGrafanaConfig({
  url: "https://dashboards.example.test:3000/",
  prometheus: "http://prometheus:9090",
  alertmanager: "http://alertmanager:9093",
  scrapeSeconds: 15,
});

interface Datasources {
  prune: boolean;
  datasources: { uid: string; editable: boolean; jsonData: Record<string, unknown> }[];
}

function yamlFile<T>(name: string): T {
  return load(files[`provisioning/${name}`] ?? assert.fail(`no ${name}`)) as T;
}

/** Section → key → value. */
function sections(): Map<string, Map<string, string>> {
  const all = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of (files["grafana.ini"] ?? "").split("\n")) {
    const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
    const [, key, value] = /^([a-z_]+) = (.*)$/.exec(line) ?? [];
    if (name !== undefined) all.set(name, (section = new Map()));
    else if (key !== undefined && value !== undefined) section.set(key, value);
    else assert.match(line, /^(#.*)?$/);
  }
  return all;
}

describe("Grafana's configuration", () => {
  it("provisions the data sources that its dashboards ask, and removes others", () => {
    const { prune, datasources } = yamlFile<Datasources>("datasources/sbc.yaml");
    assert.equal(prune, true);
    const uids = datasources.map(({ uid }) => uid);
    assert.deepEqual(uids, ["prometheus", "alertmanager"]);
    for (const { editable } of datasources) assert.equal(editable, false);
    const named = datasources.map(({ jsonData }) => jsonData["alertmanagerUid"]).filter((uid) => uid !== undefined);
    assert.deepEqual(named, ["alertmanager"]);
    const asked = Object.entries(files).flatMap(([name, text]) =>
      name.startsWith("dashboards/") ? [...text.matchAll(/"uid":\s*"prometheus"/g)] : [],
    );
    assert.ok(asked.length > 100);
  });

  it("provisions dashboards that nobody can change or delete, from the folder where they are", () => {
    const { providers } = yamlFile<{ providers: Record<string, unknown>[] }>("dashboards/sbc.yaml");
    assert.equal(providers.length, 1);
    const [provider] = providers;
    assert.equal(provider?.["allowUiUpdates"], false);
    assert.equal(provider?.["disableDeletion"], true);
    assert.deepEqual(provider?.["options"], { path: `${grafanaRuntime.mounts.config}/dashboards` });
    const uids = Object.entries(files).flatMap(([name, text]) =>
      name.startsWith("dashboards/") ? [(JSON.parse(text) as DashboardFile).uid] : [],
    );
    assert.equal(uids.length, 8);
  });

  it("shows a dashboard that is there as the first page", () => {
    const path = sections().get("dashboards")?.get("default_home_dashboard_path") ?? "";
    assert.ok(path.startsWith(`${grafanaRuntime.mounts.config}/`));
    assert.ok(path.slice(grafanaRuntime.mounts.config.length + 1) in files, path);
  });

  it("takes its secrets from files that are mounted, and never the front door's password for its own", () => {
    const security = sections().get("security");
    const secrets = renderGrafanaSecrets({ password: "p", secretKey: "k" });
    for (const key of ["admin_password", "secret_key"]) {
      const [, file = ""] = /^\$__file\{\/run\/secrets\/(.+)\}$/.exec(security?.get(key) ?? "") ?? [];
      assert.ok(file in secrets, key);
    }
    assert.equal(sections().get("auth.basic")?.get("enabled"), "false");
    assert.equal(sections().get("auth.anonymous")?.get("enabled"), "false");
  });

  it("asks nothing of the Internet, which it cannot reach", () => {
    const off = [
      ["analytics", "reporting_enabled"],
      ["analytics", "check_for_updates"],
      ["analytics", "check_for_plugin_updates"],
      ["news", "news_feed_enabled"],
      ["snapshots", "external_enabled"],
    ] as const;
    for (const [section, key] of off) assert.equal(sections().get(section)?.get(key), "false", key);
    assert.equal(sections().get("plugins")?.get("preinstall_disabled"), "true");
    assert.equal(sections().get("security")?.get("disable_gravatar"), "true");
  });
});
