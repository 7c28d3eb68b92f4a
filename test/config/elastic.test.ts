import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  elasticsearchRuntime,
  renderElasticsearchConfig,
  renderElasticsearchSecrets,
  renderSetupBodies,
  renderSetupLogin,
  setupCommand,
  setupJob,
  type ElasticPasswords,
} from "../../configs/elasticsearch/index.ts";
import { logStreams, roles, users } from "../../configs/elasticsearch/objects.ts";
import type { FileMap } from "../../configs/files.ts";
import {
  importCommand,
  importJob,
  kibanaRuntime,
  renderImportLogin,
  renderImportObjects,
  renderKibanaConfig,
  renderKibanaSecrets,
} from "../../configs/kibana/index.ts";
import { savedObjects } from "../../configs/kibana/objects.ts";
import { waitFor } from "../sip/agent.ts";
import { testAuthority, type TestCertificate } from "../support/certificates.ts";
import { TestContainer } from "../support/container.ts";
import { ensureStandIn } from "../support/images.ts";

const passwords: ElasticPasswords = {
  setup: "setup1234567890",
  kibana: "kibana1234567890",
  writer: "writer1234567890",
  reader: "reader1234567890",
  admin: "admin1234567890",
};
/** The real images cannot be pulled everywhere: here their stand-ins keep what the jobs, which are the real ones, tell them. */
let image: string;
let authority: TestCertificate;

before(async () => {
  [image, authority] = await Promise.all([ensureStandIn("elastic"), testAuthority("Log pipeline CA")]);
});

/** Secret files have to be what they are in a volume. */
const asInVolume = (command: readonly string[]) => [
  "bash",
  "-c",
  `find /run/secrets /staging -type f -exec chmod 0400 {} + 2>/dev/null; exec ${command.map((word) => `'${word}'`).join(" ")}`,
];

async function tls(name: string) {
  const { pem, keyPem } = await authority.issue(name, { names: [name, "localhost"] });
  return { ca: authority.pem, certificate: pem, key: keyPem };
}

async function startNode(failures: Readonly<Record<string, number>> = {}): Promise<TestContainer> {
  const { mounts, tmpfs, uid, gid, command, healthcheck } = elasticsearchRuntime();
  const node = TestContainer.start({
    role: "elasticsearch",
    image,
    files: {
      [mounts.config]: renderElasticsearchConfig({ clusterName: "sbc-test" }),
      [mounts.secrets]: renderElasticsearchSecrets({
        tls: await tls("elasticsearch"),
        setupPassword: passwords.setup,
        salt: "s".repeat(22),
      }),
    },
    tmpfs: { ...tmpfs, [mounts.data]: "uid=1000,gid=1000,mode=0750,size=8m" },
    command: asInVolume(["env", `STAND_IN_FAILURES=${JSON.stringify(failures)}`, ...command]),
    uid,
    gid,
    memoryMb: 256,
  });
  await node.healthy(healthcheck);
  return node;
}

/** Runs the job as the stack does: staged files, the same user, no rights. */
async function run(
  job: { command: readonly string[]; folders: Readonly<Record<string, FileMap>> },
  network: TestContainer,
): Promise<{ code: number; output: string }> {
  const files: Record<string, FileMap> = {};
  for (const [folder, map] of Object.entries(job.folders)) {
    for (const [name, content] of Object.entries(map)) {
      const path = `${folder}/${name}`;
      const at = path.slice(0, path.lastIndexOf("/"));
      files[at] = { ...files[at], [path.slice(at.length + 1)]: content };
    }
  }
  // As the volume of the real job: argument for argument, so that quotes in the script stay what they are.
  const [shell = "", option = "", script = "", ...rest] = job.command;
  files["/staging"] = { "job.sh": script };
  await using container = TestContainer.start({
    role: "job",
    image,
    files,
    tmpfs: { "/tmp": "mode=1777,size=8m" },
    command: [shell, option, `exec ${shell} /staging/job.sh "$@"`, ...rest],
    uid: 1000,
    memoryMb: 64,
    network,
  });
  const code = await container.ended();
  return { code, output: container.output };
}

function setup(
  node: TestContainer,
  { url = "https://localhost:9200", ca = authority.pem, days = 14, login = passwords, patience = 20 } = {},
) {
  return run(
    {
      command: setupCommand(url, patience),
      folders: { [setupJob.login]: renderSetupLogin(login, ca), [setupJob.bodies]: renderSetupBodies(days) },
    },
    node,
  );
}

/** A request of the stand-in; the body with its status behind it. */
async function ask(node: TestContainer, path: string, user: string, password: string, method = "GET"): Promise<string> {
  const { stdout } = await node.exec([
    ...["curl", "--silent", "--cacert", "/run/secrets/ca.crt", "--user", `${user}:${password}`, "--request", method],
    ...["--write-out", " %{http_code}", `https://localhost:9200${path}`],
  ]);
  return stdout.toString("utf8");
}

interface State {
  roles: Record<string, unknown>;
  users: Record<string, { password: string; roles: string[] }>;
  templates: Record<string, { index_patterns: string[] }>;
  streams: Record<string, string>;
  changes: string[];
}
async function state(node: TestContainer): Promise<State> {
  const text = await ask(node, "/_stand-in/state", users.setup, passwords.setup);
  return JSON.parse(text.slice(0, -4)) as State;
}

describe("set-up of Elasticsearch (against a stand-in for its API)", () => {
  let node: TestContainer;
  before(async () => {
    node = await startNode();
  });
  after(() => node[Symbol.asyncDispose]());

  it("makes roles, users and the index template, and may be repeated with the same result", async () => {
    const first = await setup(node);
    assert.equal(first.code, 0, first.output);
    const made = await state(node);
    assert.deepEqual(Object.keys(made.roles).toSorted(), Object.keys(roles).toSorted());
    assert.deepEqual(Object.fromEntries(Object.entries(made.users).map(([name, { password }]) => [name, password])), {
      [users.admin]: passwords.admin,
      [users.kibana]: passwords.kibana,
      [users.writer]: passwords.writer,
      [users.reader]: passwords.reader,
    });
    assert.deepEqual(made.templates["logs-sbc"]?.index_patterns, [logStreams]);

    const second = await setup(node);
    assert.equal(second.code, 0, second.output);
    const again = await state(node);
    assert.deepEqual({ ...again, changes: made.changes }, made);
    assert.deepEqual(again.changes, [...made.changes, ...made.changes]);
  });

  it("prints no password", async () => {
    const { output } = await setup(node);
    for (const password of Object.values(passwords)) assert.ok(!output.includes(password), output);
  });

  it("gives streams that are there another retention at once", async () => {
    await setup(node);
    assert.match(await ask(node, "/logs-sbc.kamailio-default/_doc", users.writer, passwords.writer, "POST"), / 201$/);
    assert.equal((await state(node)).streams["logs-sbc.kamailio-default"], "14d");
    const { code, output } = await setup(node, { days: 3 });
    assert.equal(code, 0, output);
    assert.equal((await state(node)).streams["logs-sbc.kamailio-default"], "3d");
  });

  it("changes passwords that a rotation has made anew", async () => {
    const { code, output } = await setup(node, { login: { ...passwords, admin: "another1234567890" } });
    assert.equal(code, 0, output);
    assert.match(await ask(node, "/_security/_authenticate", users.admin, "another1234567890"), / 200$/);
    assert.match(await ask(node, "/_security/_authenticate", users.admin, passwords.admin), / 401$/);
  });

  const causes: readonly [string, Parameters<typeof setup>[1], RegExp, number][] = [
    [
      "a name that is not known",
      { url: "https://elastic.invalid:9200" },
      /cannot resolve the name in https:\/\/elastic/,
      3,
    ],
    ["a port where nobody listens", { url: "https://localhost:9201" }, /cannot connect to https:\/\/localhost:9201/, 3],
    ["a password that is wrong", { login: { ...passwords, setup: "wrong123" } }, /does not take the password.*401/, 3],
  ];
  for (const [what, options, expected, exitCode] of causes) {
    it(`names as the cause: ${what}`, async () => {
      const { code, output } = await setup(node, { ...options, patience: 2 });
      assert.equal(code, exitCode, output);
      assert.match(output, expected);
    });
  }

  it("names as the cause: a certificate of another CA", async () => {
    const { pem } = await testAuthority("Somebody else");
    const { code, output } = await setup(node, { ca: pem, patience: 2 });
    assert.equal(code, 3, output);
    assert.match(output, /no trust in the certificate of https:\/\/localhost:9200/);
  });

  it("ends at the first step that is refused, with the answer", async () => {
    await using refusing = await startNode({ "PUT /_index_template/logs-sbc": 400 });
    const { code, output } = await setup(refusing);
    assert.equal(code, 6, output);
    assert.match(output, /PUT \/_index_template\/logs-sbc: the node answers 400: .*asked to fail/);
    const each = Object.keys(roles).map((name) => [`PUT /_security/role/${name}`, 403] as const);
    await using forbidding = await startNode(Object.fromEntries(each));
    const forbidden = await setup(forbidding);
    assert.equal(forbidden.code, 5, forbidden.output);
    assert.equal((await state(forbidding)).changes.length, 0);
  });
});

describe("import into Kibana (against a stand-in for its API)", () => {
  it("waits for Kibana, puts all objects into it, twice, and names a login that is refused", async () => {
    await using node = await startNode();
    const { mounts, tmpfs, uid, gid, command, healthcheck } = kibanaRuntime();
    const here = (files: FileMap): FileMap =>
      Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name, text.replaceAll("//elasticsearch:", "//localhost:")]),
      );
    const keys = { session: "s".repeat(32), objects: "o".repeat(32), reporting: "r".repeat(32) };
    await using kibana = TestContainer.start({
      role: "kibana",
      image,
      files: {
        [mounts.config]: here(renderKibanaConfig({})),
        [mounts.secrets]: renderKibanaSecrets({ tls: await tls("kibana"), password: passwords.kibana, keys }),
      },
      tmpfs,
      command: asInVolume(command),
      uid,
      gid,
      memoryMb: 256,
      network: node,
    });
    const job = (setupPassword: string, patience: number) =>
      run(
        {
          command: importCommand("https://localhost:5601", patience),
          folders: {
            [importJob.login]: renderImportLogin({ setup: setupPassword }, authority.pem),
            [importJob.objects]: renderImportObjects(),
          },
        },
        node,
      );
    await waitFor("Kibana's refusal", () =>
      Promise.resolve(kibana.output.includes("not ready yet: Elasticsearch answers 401")),
    );
    const early = await job(passwords.setup, 2);
    assert.equal(early.code, 3, early.output);
    assert.match(early.output, /Kibana is not ready \(503\)/);

    const made = await setup(node);
    assert.equal(made.code, 0, made.output);
    await kibana.healthy(healthcheck);
    for (const time of ["first", "second"]) {
      const { code, output } = await job(passwords.setup, 20);
      assert.equal(code, 0, `${time}: ${output}`);
    }
    const { stdout } = await kibana.exec(["cat", "/usr/share/kibana/data/objects"]);
    assert.deepEqual(
      stdout.toString("utf8").split("\n").toSorted(),
      savedObjects.map(({ type, id }) => `${type}:${id}`).toSorted(),
    );
    const refused = await job("wrong123", 20);
    assert.equal(refused.code, 5, refused.output);
    assert.match(refused.output, /does not take the login/);
  });
});
