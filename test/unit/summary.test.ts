import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { summary } from "../../scripts/summary.ts";

const outputs = {
  sip: { udp: "sip:10.5.0.2:5060", domain: "sip.example.test" },
  sbcNetwork: "sbc-dev-sbc-net",
  caCertificate: "",
  addresses: { kamailio: { sbc: "10.5.0.2" } },
};

describe("what npm run up ends with", () => {
  it("names the landing page, and by which commands passwords and CA are shown", () => {
    const dashboards = { grafana: "https://127.0.0.1:3000/", landing: "https://127.0.0.1:9443/" };
    const text = summary("lab", { ...outputs, dashboards, dashboardsCa: "-----BEGIN CERTIFICATE-----" });
    assert.match(text, /landing page\n {2}landing +https:\/\/127\.0\.0\.1:9443\/\n {2}grafana +https/);
    assert.match(
      text,
      /eval "\$\(npm run -s env\)"\n(.*\n)* {2}pulumi stack output dashboardsLogin --show-secrets -s lab/,
    );
    assert.match(text, / {2}pulumi stack output dashboardsCa -s lab/);
    assert.match(text, / {2}pulumi stack output subscribers --show-secrets -s lab/);
    assert.match(text, /left out\n {2}nothing$/);
  });

  it("says nothing of a CA that browsers know", () => {
    const text = summary("lab", {
      ...outputs,
      dashboards: { landing: "https://sbc.example.com:9443/" },
      dashboardsCa: "",
    });
    assert.match(text, /dashboardsLogin/);
    assert.doesNotMatch(text, /dashboardsCa/);
  });

  it("says how to get dashboards where there are none, and of no password for them", () => {
    const text = summary("lab", outputs);
    assert.match(text, /none in this stack: pulumi config set --path sbc:monitoring\.profile light -s lab/);
    assert.doesNotMatch(text, /dashboardsLogin|dashboardsCa/);
  });

  it("names what was left out, with the reason", () => {
    assert.match(
      summary("lab", { ...outputs, leftOut: ["grafana: no such host"] }),
      /left out\n {2}grafana: no such host$/,
    );
  });
});
