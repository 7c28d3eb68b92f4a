import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileMap } from "../../configs/files.ts";
import { ConfigVolume } from "../../components/config-volume.ts";
import { failure, job, type JobArgs } from "../../components/job.ts";
import { service, type ServiceArgs } from "../../components/service.ts";
import { record, valueOf, type Recording } from "../support/mocks.ts";

const defaults = {
  prefix: "sbc-test",
  logs: { maxSizeMb: 10, maxFiles: 3 },
  limits: { openFiles: 16384, processes: 4096 },
};
const image = () => new docker.RemoteImage("image", { name: "image:1" });

describe("a job", () => {
  const args = (): JobArgs => ({
    defaults,
    plane: "data",
    image: image(),
    user: "4101:4101",
    command: ["true"],
    staged: [],
    memoryMb: 64,
  });

  test("that ends well lets what waits for it go on", async () => {
    const { value } = await record(() => valueOf(job("fine", args(), {}).done.urn));
    assert.match(value, /::fine$/);
  });

  test("that fails shows the end of its log and how to run it again", () => {
    const log = Array.from({ length: 50 }, (_, index) => `line ${index + 1}`).join("\n");
    const text = failure(3, log, "urn:pulumi:dev::sbc::type::broken");
    assert.match(text, /exit code 3/);
    assert.ok(text.includes("| line 50") && text.includes("| line 31") && !text.includes("line 30"));
    assert.match(text, /pulumi up --replace 'urn:pulumi:dev::sbc::type::broken'/);
  });

  test("gives an empty file a line end, for the provider refuses an empty one", async () => {
    const { resources } = await record(() => {
      job("empty", { ...args(), staged: [{ path: "/etc/x", files: { "a.conf": "" }, mode: "0444" }] }, {});
    });
    const uploads = resources.find(({ name }) => name === "empty")?.inputs["uploads"] as {
      file: string;
      content: string;
    }[];
    assert.deepEqual(
      uploads.map(({ file, content }) => [file, content]),
      [["/etc/x/a.conf", "\n"]],
    );
  });
});

describe("a configuration volume", () => {
  const volumes = async (content: ConstructorParameters<typeof ConfigVolume>[1]["content"]) => {
    const recording: Recording<unknown> = await record(() => {
      new ConfigVolume(
        "thing-config",
        { defaults, plane: "voice", image: image(), path: "/etc/thing", uid: 4103, gid: 4103, content },
        {},
      );
    });
    return recording.resources.filter(({ type }) => type === "docker:index/volume:Volume");
  };
  const secret = (text: string): pulumi.Output<FileMap> =>
    pulumi.secret(text).apply((password): FileMap => ({ password }));
  const labelsOf = (resource: { inputs: Readonly<Record<string, unknown>> } | undefined) =>
    (resource?.inputs["labels"] as { label: string; value: string }[]).map(({ label, value }) => `${label}=${value}`);

  test("of plain content is another volume for other content, in Pulumi and in Docker", async () => {
    const [one] = await volumes({ kind: "plain", files: { a: "1" } });
    const [two] = await volumes({ kind: "plain", files: { a: "2" } });
    assert.match(one?.name ?? "", /^thing-config-[0-9a-f]{12}$/);
    assert.notEqual(one?.name, two?.name);
    assert.equal(one?.inputs["name"], `sbc-test-${one?.name}`);
  });

  test("of secrets keeps its name and shows a change by a label, which replaces it", async () => {
    const [one] = await volumes({ kind: "secret", files: secret("1") });
    const [two] = await volumes({ kind: "secret", files: secret("2") });
    assert.deepEqual([one?.name, two?.name], ["thing-config", "thing-config"]);
    assert.notDeepEqual(labelsOf(one), labelsOf(two));
  });

  test("of live content stays as it is, whatever is in it", async () => {
    const [one] = await volumes({ kind: "live", files: secret("1") });
    const [two] = await volumes({ kind: "live", files: secret("2") });
    assert.deepEqual(one?.inputs, two?.inputs);
  });
});

test("a service on the host's network can have no other network and no published port", async () => {
  await record(() => {
    const args: ServiceArgs = {
      ...{ defaults, role: "thing", plane: "media", image: image(), uid: 4102, gid: 4102, mounts: [], tmpfs: {} },
      ...{ networks: [], healthcheck: ["CMD", "true"], memoryMb: 64, cpus: 1, graceSeconds: 10 },
      ports: [{ internal: 1, external: 1, protocol: "tcp", ip: "127.0.0.1" }],
      hostNetwork: { reason: "a test" },
    };
    assert.throws(() => service("thing", args, {}), /on the host's network/);
  });
});
