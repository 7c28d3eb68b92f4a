import { appendFileSync, readFileSync } from "node:fs";

/** What was previewed, and how it ended. */
export interface Preview {
  stack: string;
  /** Exit code of the CLI. */
  code: number;
  /** What it printed. */
  output: string;
}

/** GitHub takes 65,536 characters. */
const most = 60_000;

const marker = (stack: string): string => `<!-- preview of the stack ${stack} -->`;

/** A preview as Markdown; of a long one the end is kept, where violations and totals are. */
export function renderPreview({ stack, code, output }: Preview): string {
  const text = output.replaceAll("\r", "").trim();
  const shown =
    text.length <= most
      ? text
      : `… (${text.length - most} characters before this are in the log)\n${text.slice(-most)}`;
  // A fence longer than any in the text: a resource's name must not be able to end it.
  const fence = "`".repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));
  const verdict = code === 0 ? "no policy violation" : "**failed**";
  return [marker(stack), `### \`pulumi preview\` of ${stack}: ${verdict}`, "", fence, shown, fence, ""].join("\n");
}

/**
 * Shows a preview on the job's summary page and in one comment on the pull request, which later runs replace. Does what the environment
 * of a GitHub job allows: on a fork's pull request the token may not comment.
 * @returns what was done, for the log.
 */
export async function comment(preview: Preview, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const body = renderPreview(preview);
  const { GITHUB_STEP_SUMMARY: summary, GITHUB_TOKEN: token, GITHUB_EVENT_PATH: event } = environment;
  if (summary) appendFileSync(summary, body);
  if (!token || !event) return "no comment: there is no GITHUB_TOKEN, or this is no job of GitHub's";
  const { pull_request: pull } = JSON.parse(readFileSync(event, "utf8")) as { pull_request?: { number: number } };
  if (pull === undefined) return "no comment: this is no pull request";

  const repository = `${environment["GITHUB_API_URL"] ?? "https://api.github.com"}/repos/${environment["GITHUB_REPOSITORY"]}`;
  const ask = (method: string, url: string, content?: object) =>
    fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, accept: "application/vnd.github+json" },
      ...(content && { body: JSON.stringify(content) }),
    });
  const list = `${repository}/issues/${pull.number}/comments`;
  const own = await findComment(marker(preview.stack), (page) => ask("GET", `${list}?per_page=100&page=${page}`));
  const answer = await (own === undefined
    ? ask("POST", list, { body })
    : ask("PATCH", `${repository}/issues/comments/${own}`, { body }));
  if (answer.ok) return own === undefined ? "commented" : "comment replaced";
  // The preview itself is not to blame.
  return `no comment: GitHub answered ${answer.status}`;
}

async function findComment(mark: string, page: (number: number) => Promise<Response>): Promise<number | undefined> {
  for (let number = 1; ; number += 1) {
    const answer = await page(number);
    const comments = answer.ok ? ((await answer.json()) as { id: number; body: string | null }[]) : [];
    const own = comments.find(({ body }) => body?.startsWith(mark));
    if (own !== undefined) return own.id;
    if (comments.length < 100) return undefined;
  }
}
