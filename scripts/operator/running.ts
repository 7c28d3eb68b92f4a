import { spawnSync } from "node:child_process";
import { UserError } from "../run.ts";

/** A row as text by column; NULL is undefined. */
export type Row = Readonly<Record<string, string | undefined>>;

/** The containers of a stack that is up, by way of Docker: no port, no password, and nothing secret in an argument. */
export class RunningStack {
  /** First part of the names of its containers. */
  readonly prefix: string;
  #edge: Readonly<Record<string, string>> | undefined;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Runs SQL as the database's administrator, and returns the rows of its last query. @throws UserError with the server's words. */
  sql(text: string): Row[] {
    const output = this.#exec("mariadb", ["mariadb", "--batch", "--default-character-set=utf8mb4", "kamailio"], text);
    const [head, ...lines] = output.split("\n").filter((line) => line !== "");
    const columns = head?.split("\t") ?? [];
    return lines.map((line) => {
      const values = line.split("\t").map(unescape);
      return Object.fromEntries(columns.map((column, index) => [column, values[index]]));
    });
  }

  /** Calls Kamailio's JSON-RPC from inside its container, with the token that is in a file there. */
  rpc<T>(method: string, params: readonly (string | number)[] = []): T {
    // The edge's allow-list knows exactly this order of keys, without blanks.
    const body = `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${JSON.stringify(params)},"id":1}`;
    let answer = "";
    for (let attempt = 0; attempt < 20; attempt++) {
      answer = this.#exec("kamailio", ["bash", "-c", rpcScript], body);
      const { result, error } = parseAnswer<T>(answer);
      if (error === undefined) return result as T;
      // Two reloads within a second.
      if (!/ngoing reload|Failed to shift/.test(error)) break;
      spawnSync("sleep", ["0.5"]);
    }
    throw new UserError(`Kamailio refused ${method}: ${parseAnswer(answer).error ?? answer}`);
  }

  /** Makes changed rows live. */
  reload(...what: readonly (keyof typeof reloads)[]): void {
    for (const name of what) for (const [method, ...params] of reloads[name]) this.rpc(method, params);
  }

  /** A value of the edge's configuration, such as `SBC_DOMAIN`. */
  setting(name: string): string {
    const value = this.#settings()[name];
    if (value === undefined)
      throw new UserError(`the edge of ${this.prefix} has no ${name}: is it of another version?`);
    return value;
  }

  /** The edge's SIP sockets by their name: where they listen, and how they are seen. */
  sockets(): Readonly<Record<string, { listen: string; seen: string }>> {
    const found: Record<string, { listen: string; seen: string }> = {};
    for (const [, listen = "", seen, name = ""] of this.#stackFile().matchAll(
      /^listen=(\S+)(?: advertise (\S+))? name "(\w+)"$/gm,
    )) {
      found[name] = { listen, seen: seen ?? listen.replace(/^\w+:/, "") };
    }
    return found;
  }

  #settings(): Readonly<Record<string, string>> {
    this.#edge ??= Object.fromEntries(
      [...this.#stackFile().matchAll(/^#!substdef "!(\w+)!(.*)!g"$/gm)].map(([, name = "", value = ""]) => [
        name,
        value,
      ]),
    );
    return this.#edge;
  }

  #stackFile(): string {
    return this.#exec("kamailio", ["cat", "/etc/kamailio/stack.cfg"]);
  }

  #exec(role: string, command: readonly string[], input = ""): string {
    const container = `${this.prefix}-${role}`;
    const { status, stdout, stderr } = spawnSync("docker", ["exec", "--interactive", container, ...command], {
      input,
      encoding: "utf8",
      maxBuffer: 1024 ** 3,
      timeout: 60_000,
    });
    if (status === 0) return stdout;
    const words = (stderr ?? "").trim();
    if (/No such container|is not running/i.test(words)) {
      throw new UserError(
        `there is no running container ${container}: is the stack up? npm run up -- STACK brings it up`,
      );
    }
    // `ERROR 1644 (45000) at line 3: …`
    throw new UserError(words.replace(/^ERROR \d+ \(\w+\) at line \d+: /, "") || `${container}: exit code ${status}`);
  }
}

/** What has to be loaded again after a change of which rows. */
const reloads = {
  subscribers: [
    ["htable.reload", "ha1"],
    ["htable.reload", "class"],
  ],
  policy: [["htable.reload", "policy"]],
  addresses: [["permissions.addressReload"]],
  // What is known of a host before it is asked.
  dispatcher: [["htable.reload", "tlshost"], ["dispatcher.reload"]],
  trunks: [
    ["htable.reload", "trunkauth"],
    ["htable.reload", "trunknumber"],
    ["htable.reload", "trunk"],
    // By which calls find a trunk: last.
    ["mtree.reload", "trunks"],
  ],
} as const;

const rpcScript = String.raw`
set -euo pipefail
body=$(cat)
token=$(sed -n 's/^#!define OPS_AUTHORIZATION "\(.*\)"$/\1/p' /run/secrets/kamailio-secrets.cfg)
value() { sed -n "s/^#!substdef \"!$1!\(.*\)!g\"\$/\1/p" /etc/kamailio/stack.cfg; }
host=$(value SBC_OPS_ADDRESS)
exec 3<>"/dev/tcp/$host/$(value SBC_OPS_PORT)"
printf 'POST /RPC HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
  "$host" "$token" "$(printf '%s' "$body" | wc -c)" "$body" >&3
timeout 30 cat <&3
`;

function parseAnswer<T>(http: string): { result?: T; error?: string } {
  const [head = "", ...rest] = http.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n").trim();
  if (!/^HTTP\/1\.1 200/.test(head) && !body.startsWith("{")) return { error: head.split("\r\n")[0] ?? "no answer" };
  const { result, error } = JSON.parse(body) as { result?: T; error?: { message?: string } };
  return error === undefined ? { result: result as T } : { error: error.message ?? "no reason given" };
}

/** `mariadb --batch` writes line ends, tabs and backslashes so that a row stays a line. */
function unescape(text: string): string | undefined {
  if (text === "NULL") return undefined;
  return text.replace(/\\(.)/g, (_, letter: string) => ({ n: "\n", t: "\t", "0": "\0" })[letter] ?? letter);
}
