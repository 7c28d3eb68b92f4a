import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { database } from "../../configs/mariadb/index.ts";
import { renderDatabaseJob } from "../../configs/mariadb/jobs.ts";
import { renderRows, type Rows } from "../../configs/mariadb/rows.ts";
import { waitFor } from "../sip/agent.ts";
import type { TestContainer } from "../support/container.ts";
import { databaseSecrets, query, runDatabaseJob, startDatabase } from "../support/database.ts";

const rows: Rows = {
  domain: "sip.example.test",
  subscribers: [
    { name: "alice", password: "correct horse" },
    { name: "o.brien+desk", password: "it's \\ fine" },
  ],
  nodes: [
    { name: "asterisk-1", address: "10.5.0.10" },
    { name: "asterisk-2", address: "10.5.0.11", drain: true },
  ],
  addresses: [{ cidr: "198.51.100.0/24", group: "blocked" }],
};

describe("MariaDB and its job, in our images", () => {
  let mariadb: TestContainer;

  before(async () => {
    mariadb = await startDatabase();
    const job = await runDatabaseJob(mariadb, renderRows(rows));
    assert.equal(job.exitCode, 0, job.output);
  });
  after(() => mariadb[Symbol.asyncDispose]());

  const select = async (sql: string) => (await query(mariadb, sql)).rows;

  it("has the schema of the Kamailio in the image, and only hashes of passwords", async () => {
    assert.deepEqual(
      await select("SELECT table_name, table_version FROM version WHERE table_name IN ('subscriber', 'location')"),
      ["location\t9", "subscriber\t7"],
    );
    assert.deepEqual(
      await select(
        "SELECT username, password, LENGTH(ha1), LENGTH(ha1_sha256), owner FROM subscriber ORDER BY username",
      ),
      ["alice\t\t32\t64\tstack", "o.brien+desk\t\t32\t64\tstack"],
    );
    assert.deepEqual(await select("SELECT setid, destination, flags, description FROM dispatcher ORDER BY id"), [
      "1\tsip:10.5.0.10:5060\t0\tasterisk-1",
      "1\tsip:10.5.0.11:5060\t4\tasterisk-2",
    ]);
    assert.deepEqual(await select("SELECT grp, ip_addr, mask FROM address"), ["2\t198.51.100.0\t24"]);
  });

  it("is brought to the same state by a second run", async () => {
    const tables =
      "SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = 'kamailio' ORDER BY 1, 2";
    const state = async () => [await select(tables), await select("SELECT * FROM subscriber ORDER BY id")];
    const first = await state();
    const job = await runDatabaseJob(mariadb, renderRows(rows));
    assert.equal(job.exitCode, 0, job.output);
    assert.deepEqual(await state(), first);
  });

  it("removes what the stack no longer has and never touches an operator's rows", async () => {
    await query(mariadb, "INSERT INTO subscriber (username, domain, ha1) VALUES ('operator', 'sip.example.test', 'x')");
    await query(mariadb, "INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:10.5.0.99:5060')");
    const job = await runDatabaseJob(mariadb, renderRows({ ...rows, subscribers: [], nodes: [], addresses: [] }));
    assert.equal(job.exitCode, 0, job.output);
    assert.deepEqual(await select("SELECT username FROM subscriber"), ["operator"]);
    assert.deepEqual(await select("SELECT destination FROM dispatcher"), ["sip:10.5.0.99:5060"]);
    assert.deepEqual(await select("SELECT COUNT(*) FROM address"), ["0"]);
  });

  it("refuses to take over an operator's subscriber, says whose, and changes nothing", async () => {
    await query(mariadb, "INSERT INTO subscriber (username, domain, ha1) VALUES ('taken', 'sip.example.test', 'x')");
    const before = await select("SELECT * FROM subscriber");
    const subscribers = [
      { name: "new", password: "a" },
      { name: "Taken", password: "b" },
    ];
    const job = await runDatabaseJob(mariadb, renderRows({ ...rows, subscribers }));
    assert.notEqual(job.exitCode, 0);
    assert.match(job.output, /an operator already has: taken/);
    assert.deepEqual(await select("SELECT * FROM subscriber"), before);
  });

  it("gives each user no more than its work needs", async () => {
    const { users } = database;
    const kamailio = { name: users.kamailio, password: databaseSecrets.kamailioPassword };
    const asterisk = { name: users.asterisk, password: databaseSecrets.asteriskPassword };
    const exporter = { name: users.exporter, password: databaseSecrets.exporterPassword ?? "" };
    const report = { name: users.report, password: databaseSecrets.reportPassword };
    type Attempt = [user: { name: string; password: string }, sql: string];
    const may: Attempt[] = [
      [kamailio, "SELECT * FROM ha1cache"],
      [kamailio, "DELETE FROM location"],
      [kamailio, "INSERT INTO acc_cdrs (cdr_id) VALUES ('test')"],
      [asterisk, "SELECT mailbox FROM voicemail_users"],
      [report, "SELECT caller FROM acc_cdrs"],
    ];
    const mayNot: Attempt[] = [
      [kamailio, "INSERT INTO subscriber (username) VALUES ('intruder')"],
      [kamailio, "UPDATE dispatcher SET destination = 'sip:192.0.2.1'"],
      [kamailio, "DROP TABLE location"],
      [asterisk, "SELECT ha1 FROM subscriber"],
      [asterisk, "SELECT * FROM acc_cdrs"],
      [report, "DELETE FROM acc_cdrs"],
      [report, "SELECT ha1 FROM subscriber"],
      [exporter, "SELECT caller FROM kamailio.acc_cdrs"],
    ];
    for (const [user, sql] of may) {
      const result = await query(mariadb, sql, user);
      assert.equal(result.exitCode, 0, `${user.name} may ${sql}: ${result.error}`);
    }
    for (const [user, sql] of mayNot) {
      assert.match((await query(mariadb, sql, user)).error, /denied/, `${user.name} may not ${sql}`);
    }
  });

  it("does not write a call record twice", async () => {
    await query(mariadb, "INSERT INTO acc_cdrs (cdr_id, start_time) VALUES ('once', UTC_TIMESTAMP())");
    assert.match(
      (await query(mariadb, "INSERT INTO acc_cdrs (cdr_id, start_time) VALUES ('once', UTC_TIMESTAMP())")).error,
      /Duplicate entry/,
    );
  });

  it("lets call records go when they are too old, and nothing else", async () => {
    const old = "UTC_TIMESTAMP() - INTERVAL 31 DAY";
    await query(
      mariadb,
      `DELETE FROM acc_cdrs;
      INSERT INTO acc_cdrs (cdr_id, start_time) SELECT CONCAT('old-', seq), ${old} FROM seq_1_to_2500;
      INSERT INTO acc_cdrs (cdr_id, start_time) VALUES ('young', UTC_TIMESTAMP() - INTERVAL 29 DAY);
      INSERT INTO voicemail_messages (dir, msgnum, origtime, recording) VALUES ('/var/spool/asterisk/old', 0, '1000000000', 'x');`,
    );
    assert.deepEqual(await select("SELECT COUNT(*) FROM acc_cdrs"), ["2501"]);
    // The event is made anew and so runs at once, then every hour.
    const files = renderDatabaseJob({ host: "127.0.0.1", retentionDays: 30 });
    const job = await runDatabaseJob(mariadb, "", { steps: ["schema"], files });
    assert.equal(job.exitCode, 0, job.output);
    await waitFor("the old records to go", async () => (await select("SELECT COUNT(*) FROM acc_cdrs"))[0] === "1");
    assert.deepEqual(await select("SELECT cdr_id FROM acc_cdrs"), ["young"]);
    assert.deepEqual(await select("SELECT COUNT(*) FROM voicemail_messages"), ["1"]);
    const event =
      "SELECT status, interval_value, interval_field FROM information_schema.events WHERE event_name = 'cdr_retention'";
    assert.deepEqual(await select(event), ["ENABLED\t1\tHOUR"]);
    assert.deepEqual(await select("SELECT @@event_scheduler"), ["ON"]);
  });

  it("says which table is of another Kamailio version", async () => {
    await query(mariadb, "UPDATE version SET table_version = 8 WHERE table_name = 'location'");
    const job = await runDatabaseJob(mariadb, "", { steps: ["schema"] });
    await query(mariadb, "UPDATE version SET table_version = 9 WHERE table_name = 'location'");
    assert.equal(job.exitCode, 1);
    assert.match(job.output, /table location has version 8, this Kamailio needs 9/);
  });

  it("logs nobody in without a password", async () => {
    for (const name of ["root", "mysql", ""]) {
      assert.notEqual((await query(mariadb, "SELECT 1", { name, password: "" })).exitCode, 0, `user "${name}"`);
    }
  });

  it("reports no error of its own", () => {
    const errors = mariadb.output.split("\n").filter((line) => line.includes("[ERROR]"));
    assert.deepEqual(errors, []);
  });
});
