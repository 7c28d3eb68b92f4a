import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { comment, renderPreview } from "../../scripts/comment.ts";

const preview = { stack: "prod", code: 0, output: "Resources:\n    54 unchanged\n" };

describe("a preview as Markdown", () => {
  it("says of which stack it is and how it ended", () => {
    assert.match(renderPreview(preview), /pulumi preview` of prod: no policy violation/);
    assert.match(renderPreview({ ...preview, code: 255 }), /of prod: \*\*failed\*\*/);
  });

  it("cannot be left by what the program printed", () => {
    const text = renderPreview({ ...preview, output: "````\n# not a heading\n" });
    assert.match(text, /^`````\n````\n# not a heading\n`````$/m);
  });

  it("keeps the end of a long one, within what GitHub takes", () => {
    const text = renderPreview({ ...preview, output: `${"x\n".repeat(100_000)}the end` });
    assert.ok(text.length < 65_536);
    assert.match(text, /the end\n```/);
  });
});

describe("the comment on a pull request", () => {
  /** Stands in for GitHub's API. */
  let github: Server;
  let comments: { id: number; body: string | null }[];
  let asked: string[];
  let status: number;
  let environment: NodeJS.ProcessEnv;
  const folder = mkdtempSync(join(tmpdir(), "sbc-comment-"));

  before(async () => {
    github = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { method = "", url = "" } = request;
        asked.push(`${method} ${url}`);
        assert.equal(request.headers.authorization, "Bearer token");
        const page = Number(new URL(url, "http://github").searchParams.get("page") ?? 1);
        if (method === "GET") response.end(JSON.stringify(comments.slice((page - 1) * 100, page * 100)));
        else {
          if (status < 300) comments.push({ id: 999, body: (JSON.parse(body) as { body: string }).body });
          response.writeHead(status).end("{}");
        }
      });
    });
    await new Promise<void>((resolve) => github.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    github.close();
    rmSync(folder, { recursive: true });
  });

  beforeEach(() => {
    comments = [];
    asked = [];
    status = 201;
    const event = join(folder, "event.json");
    writeFileSync(event, JSON.stringify({ pull_request: { number: 7 } }));
    writeFileSync(join(folder, "summary.md"), "");
    environment = {
      GITHUB_API_URL: `http://127.0.0.1:${(github.address() as AddressInfo).port}`,
      GITHUB_REPOSITORY: "example/sbc",
      GITHUB_TOKEN: "token",
      GITHUB_EVENT_PATH: event,
      GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
    };
  });

  it("is made once", async () => {
    assert.equal(await comment(preview, environment), "commented");
    assert.deepEqual(asked.at(-1), "POST /repos/example/sbc/issues/7/comments");
    assert.equal(comments[0]?.body, renderPreview(preview));
  });

  it("is replaced by the next run, wherever it is, and that of another stack is left alone", async () => {
    comments = Array.from({ length: 130 }, (_, id) => ({ id, body: id === 3 ? null : "of a person" }));
    comments[100] = { id: 100, body: renderPreview({ ...preview, stack: "dev" }) };
    comments[120] = { id: 120, body: renderPreview(preview) };
    assert.equal(await comment(preview, environment), "comment replaced");
    assert.equal(asked.at(-1), "PATCH /repos/example/sbc/issues/comments/120");
  });

  it("does not fail the job where the token may not comment, and the summary is written all the same", async () => {
    status = 403;
    assert.equal(await comment(preview, environment), "no comment: GitHub answered 403");
    assert.equal(readFileSync(join(folder, "summary.md"), "utf8"), renderPreview(preview));
  });

  it("is not tried outside of a pull request", async () => {
    assert.match(await comment(preview, {}), /no GITHUB_TOKEN/);
    writeFileSync(environment["GITHUB_EVENT_PATH"] ?? "", "{}");
    assert.match(await comment(preview, environment), /no pull request/);
    assert.deepEqual(asked, []);
  });
});
