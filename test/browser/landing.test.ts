import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { renderLanding } from "../../configs/landing/index.ts";
import { launchBrowser } from "../support/browser.ts";
import { startLandingServer, type LandingServer } from "../support/landing-server.ts";

const files = renderLanding({
  stack: "dev",
  dashboards: [
    { name: "grafana", port: 3000 },
    { name: "prometheus", port: 9090 },
    { name: "alertmanager", port: 9093 },
    { name: "homer", port: 9080 },
  ],
  watched: {
    kamailio: ["kamailio"],
    asterisk: ["asterisk-1", "asterisk-2"],
    rtpengine: ["rtpengine"],
    mysqld: ["mariadb"],
    tool: ["grafana", "homer-app"],
    prometheus: ["prometheus"],
    alertmanager: ["alertmanager"],
    tls: ["kamailio"],
  },
  leftOut: { kibana: "its image could not be pulled: <b>no route</b> to the registry docker.elastic.co" },
  logins: [
    { where: "This page and every tool", user: "operator", output: "dashboardsLogin" },
    { where: "Grafana, after that", user: "admin", output: "grafanaLogin" },
  ],
});

const allUp = {
  "kamailio kamailio": true,
  "asterisk asterisk-1": true,
  "asterisk asterisk-2": true,
  "rtpengine rtpengine": true,
  "mysqld mariadb": true,
  "tool grafana": true,
  "tool homer-app": true,
  "prometheus prometheus": true,
  "alertmanager alertmanager": true,
  "tls kamailio": true,
};

describe("the landing page, before a stand-in for the front door and Prometheus", { timeout: 120_000 }, () => {
  let browser: Browser;
  let server: LandingServer;
  before(async () => {
    server = await startLandingServer(files);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    server.states = allUp;
  });

  /** The page once it shows states, and what went wrong until it is closed. */
  async function withPage(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
    const page = await context.newPage();
    await page.addInitScript({ path: fileURLToPath(new URL("in-page.js", import.meta.url)) });
    await page.clock.install();
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url)) problems.push(`asks ${request.url()}`);
    });
    try {
      await page.goto(server.url);
      await page.locator("#summary:not(:text-is('Looking what is up'))").waitFor();
      await use(page);
      // The browser itself tells of answers that are errors; that one is made here.
      assert.deepEqual(
        problems.filter((text) => server.states !== undefined || !text.includes("502")),
        [],
      );
    } finally {
      await context.close();
    }
  }

  /** For the documentation, with `SCREENSHOTS=yes`. */
  const picture = async (page: Page, name: string) => {
    if (process.env["SCREENSHOTS"] === undefined) return;
    const path = fileURLToPath(new URL(`../../docs/screenshots/${name}.png`, import.meta.url));
    await page.screenshot({ path });
  };
  const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
  /** An expression of in-page.js. */
  const inPage = <T>(page: Page, expression: string) => page.evaluate<T>(`inPage.${expression}`);

  it("links every tool, at its port on the host that one has come to", async () => {
    await withPage({}, async (page) => {
      const links = (await page.locator("#tools a").all()).map(async (link) => [
        await link.textContent(),
        await link.getAttribute("href"),
      ]);
      assert.deepEqual(await Promise.all(links), [
        ["Grafana", "https://127.0.0.1:3000/"],
        ["Prometheus", "https://127.0.0.1:9090/api/v1/rules"],
        ["Alertmanager", "https://127.0.0.1:9093/"],
        ["HOMER", "https://127.0.0.1:9080/"],
      ]);
      assert.equal(await page.title(), "SBC dev");
    });
  });

  it("says who may log in, and by which command one sees the password", async () => {
    await withPage({}, async (page) => {
      assert.deepEqual(await texts(page, "#logins strong"), ["operator", "admin"]);
      assert.deepEqual(await texts(page, "#logins code"), [
        'eval "$(npm run -s env)"; pulumi stack output dashboardsLogin --show-secrets -s dev',
        'eval "$(npm run -s env)"; pulumi stack output grafanaLogin --show-secrets -s dev',
      ]);
    });
  });

  it("names what is left out with the reason, as text", async () => {
    await withPage({}, async (page) => {
      assert.deepEqual(await texts(page, "#left-out > *"), [
        "kibana",
        "its image could not be pulled: <b>no route</b> to the registry docker.elastic.co",
      ]);
    });
  });

  it("shows what is up, down or unknown by word, sign and colour", async () => {
    const known = Object.entries(allUp).filter(([target]) => target !== "rtpengine rtpengine");
    server.states = { ...Object.fromEntries(known), "asterisk asterisk-2": false, "tool grafana": false };
    await withPage({}, async (page) => {
      assert.equal(await page.locator("#summary").textContent(), "2 down, 1 unknown");
      assert.deepEqual(await texts(page, "#parts dt:text-is('Asterisk') + dd .state"), [
        "asterisk-1 up",
        "asterisk-2 down",
      ]);
      assert.deepEqual(await texts(page, "#parts dt:text-is('RTPengine') + dd .state"), ["unknown"]);
      assert.deepEqual(await texts(page, "#tools .state"), ["down", "up", "up", "up"]);
      const looks = await Promise.all(
        ["up", "down", "unknown"].map((word) => inPage<[string, string]>(page, `look("main .${word}")`)),
      );
      for (const index of [0, 1] as const) {
        assert.equal(new Set(looks.map((one) => one[index])).size, 3, JSON.stringify(looks));
      }
      await picture(page, "landing");
    });
  });

  it("says so when all is up", async () => {
    await withPage({}, async (page) => {
      assert.equal(await page.locator("#summary").textContent(), "All is up");
      assert.equal(await page.locator(".down, .unknown, .some").count(), 0);
    });
  });

  it("claims nothing when Prometheus does not answer", async () => {
    server.states = undefined;
    await withPage({}, async (page) => {
      assert.match((await page.locator("#summary").textContent()) ?? "", /^Prometheus does not answer/);
      assert.equal(await page.locator(".up, .down").count(), 0);
    });
  });

  it("looks again by itself", async () => {
    await withPage({}, async (page) => {
      server.states = { ...allUp, "mysqld mariadb": false };
      await page.clock.runFor(16_000);
      await page.locator("#summary.down").waitFor();
      assert.equal(await page.locator("#summary").textContent(), "1 down");
    });
  });

  it("can be used by the keyboard, in the order of what is seen, with a focus that is seen", async () => {
    await withPage({}, async (page) => {
      const order: string[] = [];
      for (let step = 0; step < 7; step++) {
        await page.keyboard.press("Tab");
        const { text, seen } = await inPage<{ text: string; seen: boolean }>(page, "focus()");
        assert.ok(seen, `${text}: its focus is not seen`);
        order.push(text);
      }
      assert.deepEqual(order.slice(0, 5), ["Skip to the tools", "Grafana", "Prometheus", "Alertmanager", "HOMER"]);
      assert.match(order[5] ?? "", /dashboardsLogin/);
      assert.match(order[6] ?? "", /grafanaLogin/);
    });
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`is readable on a phone, ${colorScheme}: nothing to be scrolled sideways, text that stands out`, async () => {
      server.states = { ...allUp, "asterisk asterisk-2": false };
      await withPage({ viewport: { width: 390, height: 844 }, colorScheme }, async (page) => {
        assert.equal(await inPage(page, "overflow()"), 0);
        if (colorScheme === "dark") await picture(page, "landing-phone");
        const contrasts = await inPage<{ text: string; contrast: number }[]>(page, "contrasts()");
        assert.ok(contrasts.length > 20);
        // WCAG 2.2, 1.4.3.
        assert.deepEqual(
          contrasts.filter(({ contrast }) => contrast < 4.5),
          [],
        );
        await page.setViewportSize({ width: 320, height: 700 });
        assert.equal(await inPage(page, "overflow()"), 0);
      });
    });
  }
});
