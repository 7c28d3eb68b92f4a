import assert from "node:assert/strict";
import { users } from "../../configs/elasticsearch/objects.ts";
import { prometheusUid } from "../../configs/grafana/provisioning.ts";
import { homer } from "../../configs/homer/index.ts";
import { savedObjects } from "../../configs/kibana/objects.ts";
import { waitFor } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { ask, passFrontDoor, promql, type Pages, type Question } from "../support/front-door.ts";
import { panelExpressions, readDashboards, withoutVariables } from "../support/panels.ts";

/** A stack with the full profile that is up, and has had a call. */
export interface Verified {
  readonly prefix: string;
  readonly outputs: Pages & {
    grafanaLogin: { user: string; password: string };
    kibanaLogins: Record<string, string>;
    homerPassword: string;
  };
  /** Part of the call's Call-ID, and of no other's. */
  readonly callId: string;
}

interface Check {
  readonly what: string;
  /** Only the real tool answers this. */
  readonly real?: boolean;
  /** @throws what is wrong. */
  check(stack: Verified): Promise<void>;
}

const json = { "content-type": "application/json" };

/** A page of a tool behind the front door, with its password; the answer's JSON. @throws when it is no success. */
async function page<T>({ outputs }: Verified, site: string, path: string, question: Question = {}): Promise<T> {
  const url = `${outputs.dashboards[site] ?? assert.fail(`no dashboard ${site}`)}${path}`;
  const { status, body } = await ask(outputs, url, { auth: passFrontDoor(outputs), ...question });
  assert.ok(status >= 200 && status < 300, `${site}: ${path} is answered with ${status}: ${body.slice(0, 500)}`);
  return JSON.parse(body) as T;
}

/** Logs in to a tool with a session of its own: the header is the front door's. Resolves to the cookie. */
async function session(
  { outputs }: Verified,
  site: string,
  path: string,
  body: object,
): Promise<Record<string, string>> {
  const url = `${outputs.dashboards[site] ?? assert.fail(`no dashboard ${site}`)}${path}`;
  const headers = { ...json, "kbn-xsrf": "verify", origin: new URL(url).origin };
  const answer = await ask(outputs, url, {
    ...{ method: "POST", auth: passFrontDoor(outputs), headers },
    body: JSON.stringify(body),
  });
  assert.equal(
    answer.status,
    200,
    `${site}: the log-in is answered with ${answer.status}: ${answer.body.slice(0, 500)}`,
  );
  const cookies = [answer.headers["set-cookie"] ?? []].flat().map((cookie) => cookie.split(";")[0] ?? "");
  return { ...headers, cookie: cookies.join("; ") };
}

const grafanaSession = (stack: Verified) => {
  const { user, password } = stack.outputs.grafanaLogin;
  return session(stack, "grafana", "login", { user, password });
};

/** A request to Elasticsearch from inside its container, as one of its users. */
async function elasticsearch<T>({ prefix, outputs }: Verified, path: string, user: string): Promise<T> {
  const login = `${user}:${outputs.kibanaLogins[user] ?? assert.fail(`no password of ${user}`)}`;
  const text = await docker([
    ...["exec", `${prefix}-elasticsearch`, "curl", "--silent", "--fail", "--cacert", "/run/secrets/ca.crt"],
    ...["--user", login, `https://localhost:9200${path}`],
  ]);
  return JSON.parse(text) as T;
}

/**
 * The messages that HOMER shows of a call, as its page asks for them: with the Call-ID that a search for a part of it has found, by way of its
 * own log-in.
 */
export async function homerLadder(
  outputs: Pages & Pick<Verified["outputs"], "homerPassword">,
  callId: string,
): Promise<{ method: string; sid: string }[]> {
  // The API's own log-in alone: no password of the front door there.
  const post = async <T>(path: string, body: object, token?: string): Promise<T> => {
    const headers = { ...json, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const question = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await ask(outputs, `${outputs.dashboards["homer"]}api/v3/${path}`, question);
    assert.ok([200, 201].includes(answer.status), `${path}: ${answer.status}: ${answer.body.slice(0, 500)}`);
    return JSON.parse(answer.body) as T;
  };
  const { token } = await post<{ token: string }>("auth", {
    username: homer.user,
    password: outputs.homerPassword,
  });
  const param = { transaction: {}, limit: 200, orlogic: false, location: {}, timezone: { value: 0, name: "UTC" } };
  const timestamp = { from: Date.now() - 600_000, to: Date.now() + 60_000 };
  const contains = [{ name: "sid", value: `%${callId}%`, type: "string", hepid: 1 }];
  let sid: string | undefined;
  await waitFor(
    "the call in HOMER's search",
    async () => {
      const search = { param: { ...param, search: { "1_call": contains } }, timestamp };
      const { data } = await post<{ data: { sid: string }[] | null }>("search/call/data", search, token);
      sid = data?.[0]?.sid;
      return sid !== undefined;
    },
    60_000,
  );
  const search = { "1_call": { id: 0, callid: [sid], uuid: [] } };
  const ladder = await post<{ data: { calldata: { method: string; sid: string }[] } }>(
    "call/transaction",
    { param: { ...param, search }, timestamp },
    token,
  );
  return ladder.data.calldata;
}

/** What each tool is asked, in this order. */
export const checks: readonly Check[] = [
  {
    what: "Grafana: every dashboard is there",
    async check(stack) {
      const found = await page<{ title: string }[]>(stack, "grafana", "api/search?type=dash-db", {
        // The stand-in asks nobody.
        headers: await grafanaSession(stack).catch(() => ({})),
      });
      const titles = found.map(({ title }) => title).toSorted();
      assert.deepEqual(
        titles,
        Object.values(readDashboards())
          .map(({ title }) => title)
          .toSorted(),
      );
    },
  },
  {
    what: "Grafana: both data sources are there and answer",
    real: true,
    async check(stack) {
      const headers = await grafanaSession(stack);
      const sources = await page<{ uid: string; type: string }[]>(stack, "grafana", "api/datasources", { headers });
      assert.deepEqual(sources.map(({ type }) => type).toSorted(), ["alertmanager", "prometheus"]);
      await page(stack, "grafana", `api/datasources/uid/${prometheusUid}/health`, { headers });
    },
  },
  {
    what: "Grafana: no panel's query is an error",
    real: true,
    async check(stack) {
      const headers = await grafanaSession(stack);
      for (const { where, expr } of panelExpressions()) {
        const query = {
          refId: "A",
          datasource: { type: "prometheus", uid: prometheusUid },
          expr: withoutVariables(expr),
          instant: true,
        };
        const body = JSON.stringify({ queries: [query], from: "now-5m", to: "now" });
        type Answer = { results: { A: { error?: string } } };
        const { results } = await page<Answer>(stack, "grafana", "api/ds/query", { method: "POST", headers, body });
        assert.equal(results.A.error, undefined, `${where}: ${results.A.error}`);
      }
    },
  },
  {
    what: "Elasticsearch: the set-up job has made the reader",
    async check(stack) {
      const { username } = await elasticsearch<{ username: string }>(stack, "/_security/_authenticate", users.reader);
      assert.equal(username, users.reader);
    },
  },
  {
    what: "Elasticsearch: the template of the streams is there",
    real: true,
    async check(stack) {
      type Answer = { index_templates: { index_template: { template: { lifecycle?: object } } }[] };
      const { index_templates: found } = await elasticsearch<Answer>(stack, "/_index_template/logs-sbc", users.admin);
      assert.ok(found[0]?.index_template.template.lifecycle, "without a retention");
    },
  },
  {
    what: "Elasticsearch: the lines of the call are there, by way of Filebeat and Logstash",
    real: true,
    async check(stack) {
      const path = `/logs-sbc.*/_count?q=${encodeURIComponent(`*${stack.callId}*`)}`;
      await waitFor(
        "lines with the call's Call-ID",
        async () => (await elasticsearch<{ count: number }>(stack, path, users.admin)).count > 0,
        60_000,
      );
    },
  },
  {
    what: "Kibana: is there behind the front door",
    async check({ outputs }) {
      const answer = await ask(outputs, outputs.dashboards["kibana"] ?? "", { auth: passFrontDoor(outputs) });
      // The real one sends to its log-in.
      assert.ok([200, 302].includes(answer.status), `answers ${answer.status}`);
    },
  },
  {
    what: "Kibana: the reader logs in, and finds every saved object",
    real: true,
    async check(stack) {
      const login = {
        ...{ providerType: "basic", providerName: "basic", currentURL: stack.outputs.dashboards["kibana"] },
        params: { username: users.reader, password: stack.outputs.kibanaLogins[users.reader] },
      };
      const headers = await session(stack, "kibana", "internal/security/login", login);
      const types = [...new Set(savedObjects.map(({ type }) => type))].map((type) => `type=${type}`).join("&");
      const path = `api/saved_objects/_find?${types}&per_page=1000`;
      type Answer = { saved_objects: { type: string; id: string }[] };
      const { saved_objects: found } = await page<Answer>(stack, "kibana", path, { headers });
      const names = new Set(found.map(({ type, id }) => `${type}:${id}`));
      const missing = savedObjects.map(({ type, id }) => `${type}:${id}`).filter((name) => !names.has(name));
      assert.deepEqual(missing, []);
    },
  },
  {
    what: "heplify-server: has counted packets, and Prometheus knows",
    async check({ outputs }) {
      await waitFor(
        "packets in its metrics",
        async () => ((await promql(outputs, "sum(heplify_packets_total)"))[0]?.value ?? 0) > 0,
        60_000,
      );
    },
  },
  {
    what: "HOMER: its page is there behind the front door",
    async check({ outputs }) {
      const answer = await ask(outputs, outputs.dashboards["homer"] ?? "", { auth: passFrontDoor(outputs) });
      assert.equal(answer.status, 200);
    },
  },
  {
    what: "HOMER: its own log-in works, and shows the messages of the call",
    real: true,
    async check(stack) {
      const ladder = await homerLadder(stack.outputs, stack.callId);
      const methods = new Set(ladder.map(({ method }) => method));
      for (const method of ["INVITE", "BYE"]) assert.ok(methods.has(method), `no ${method} in the ladder`);
    },
  },
];
