import assert from "node:assert/strict";
import type { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { extract, type Header } from "tar-stream";
import { prodConfig } from "../fixtures/prod.ts";
import { docker } from "../sip/docker.ts";
import { EdgeStack, freeNetworks, type Run } from "./stack.ts";

const networks = freeNetworks();
const edgeAddress = networks.sbc.replace("0/24", "2");

describe("a change of a running stack", { timeout: 600_000 }, () => {
  let stack: EdgeStack;

  /** Applies a change; resolves to the services that are new, replaced or gone, without the stack's prefix. */
  async function touched(values: Record<string, unknown>): Promise<{ names: string[]; run: Run }> {
    const earlier = await stack.services();
    await stack.configure(values);
    const run = await stack.up();
    assert.equal(run.code, 0, run.output);
    const later = await stack.services();
    const names = [...new Set([...earlier.keys(), ...later.keys()])].filter(
      (name) => earlier.get(name) !== later.get(name),
    );
    return { names: names.map((name) => name.slice(stack.prefix.length + 1)).toSorted(), run };
  }

  const query = (sql: string) =>
    docker([
      "exec",
      `${stack.prefix}-mariadb`,
      "mariadb",
      "kamailio",
      "--batch",
      "--skip-column-names",
      "--execute",
      sql,
    ]);

  before(async () => {
    stack = await EdgeStack.create({ subscribers: [{ name: "alice" }], networks });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
  });
  after(() => stack.remove());

  it("adds a subscriber without a restart", async () => {
    const { names } = await touched({ subscribers: [{ name: "alice" }, { name: "bob" }] });
    assert.deepEqual(names, []);
    assert.equal((await query("SELECT username FROM subscriber ORDER BY 1")).trim(), "alice\nbob");
  });

  it("adds a node without touching the others, and its row when it answers", async () => {
    const { names } = await touched({ asterisk: { nodes: 3 } });
    assert.deepEqual(names, ["asterisk-3"]);
    assert.match(await query("SELECT description FROM dispatcher"), /asterisk-3/);
  });

  it("removes a node only when calls no longer go there", async () => {
    const { names, run } = await touched({ asterisk: { nodes: 2 } });
    assert.deepEqual(names, ["asterisk-3"]);
    assert.doesNotMatch(await query("SELECT description FROM dispatcher"), /asterisk-3/);
    const order = run.output.split("\n");
    const reloaded = order.findIndex((line) => /kamailio-reload created/.test(line));
    const removed = order.findIndex((line) => /asterisk-3 delet/.test(line));
    assert.ok(reloaded >= 0 && removed > reloaded, run.output);
  });

  it("replaces the edge alone for a timer of the edge", async () => {
    const { names } = await touched({ timers: { nodePingSeconds: 7 } });
    assert.deepEqual(names, ["kamailio"]);
  });

  it("makes a new certificate live without a restart", async () => {
    const served = () =>
      docker([
        ...["exec", `${stack.prefix}-kamailio`, "bash", "-c"],
        `openssl s_client -connect ${edgeAddress}:5061 </dev/null 2>/dev/null | openssl x509 -noout -serial`,
      ]);
    const earlier = await served();
    assert.match(earlier, /^serial=/);
    const { names, run } = await touched({ certificates: { validityDays: 300 } });
    assert.deepEqual(names, []);
    assert.ok(run.changes["replace"]?.includes("kamailio-tls-certificate"));
    assert.notEqual(await served(), earlier);
  });

  it("tells why a job failed, leaves what runs alone, and goes on once the cause is gone", async () => {
    await query("INSERT INTO subscriber (username, domain, ha1) VALUES ('carol', 'sip.example.test', 'x')");
    const earlier = await stack.services();
    await stack.configure({ subscribers: [{ name: "alice" }, { name: "bob" }, { name: "carol" }] });
    const failed = await stack.up();
    assert.notEqual(failed.code, 0);
    assert.match(failed.output, /job database-provision failed with exit code 1/);
    assert.match(failed.output, /\| .*an operator already has: carol/);
    assert.deepEqual(await stack.services(), earlier);

    const urn = /pulumi up --replace '(?<urn>[^']+)'/.exec(failed.output)?.groups?.["urn"];
    assert.ok(urn, failed.output);
    await query("DELETE FROM subscriber WHERE username = 'carol'");
    const mended = await stack.up("--replace", urn);
    assert.equal(mended.code, 0, mended.output);
    assert.match(await query("SELECT owner FROM subscriber WHERE username = 'carol'"), /stack/);
  });

  it("leaves nothing secret in the containers of ended jobs", async () => {
    const names = (
      await docker([
        "container",
        "ls",
        "--all",
        "--format",
        "{{.Names}}",
        "--filter",
        `name=${stack.prefix}-`,
        "--filter",
        "label=sbc.role=job",
      ])
    )
      .trim()
      .split("\n");
    assert.ok(names.length >= 11);
    let looked = 0;
    for (const name of names) {
      const mounts = await docker(["inspect", "--format", "{{range .Mounts}}{{.Destination}}\n{{end}}", name]);
      // Docker copies from a mounted volume as well: secrets belong there, and not to the container.
      const own = ["/run/secrets", "/staging/run"].filter((folder) => !mounts.split("\n").includes(folder));
      looked += own.length;
      for (const folder of own) {
        const archive = await docker(["cp", `${name}:${folder}`, "-"]).catch(() => "");
        for (const { name: file, size } of await entries(archive)) assert.equal(size, 0, `${name}:${folder} ${file}`);
      }
    }
    assert.ok(looked >= names.length);
  });
});

/** Files of a tar archive. */
async function entries(archive: string): Promise<{ name: string; size: number }[]> {
  const found: { name: string; size: number }[] = [];
  if (archive === "") return found;
  const reader = extract();
  reader.end(Buffer.from(archive));
  for await (const entry of reader as AsyncIterable<Readable & { header: Header }>) {
    found.push({ name: entry.header.name, size: entry.header.size ?? 0 });
    entry.resume();
  }
  return found;
}

describe("a preview of prod with test certificates", { timeout: 120_000 }, () => {
  let stack: EdgeStack;
  before(async () => {
    stack = await EdgeStack.create(await prodConfig());
  });
  after(() => stack.remove());

  it("is complete without anything being made", async () => {
    const { code, output, changes } = await stack.preview();
    assert.equal(code, 0, output);
    assert.deepEqual(Object.keys(changes), ["create"]);
    for (const name of ["kamailio", "rtpengine-1", "mariadb", "asterisk-1", "asterisk-2", "database-provision"]) {
      assert.ok(changes["create"]?.includes(name), `${name} is missing`);
    }
    assert.doesNotMatch(output, /BEGIN (EC )?PRIVATE KEY/);
    assert.deepEqual(await stack.things(), { container: [], network: [], volume: [] });
  });

  it("lists every mistake of the configuration at once", async () => {
    await stack.configure({ edge: { publicAddress: "10.0.0.1" }, asterisk: { nodes: 0 } });
    const { code, output } = await stack.preview();
    assert.notEqual(code, 0);
    for (const pattern of [
      /sbc:edge\.bind is required in prod/,
      /"10\.0\.0\.1" is private/,
      /sbc:asterisk\.nodes = 0/,
    ]) {
      assert.match(output, pattern);
    }
  });
});
