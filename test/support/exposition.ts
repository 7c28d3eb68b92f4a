import type { Metric } from "../../configs/metrics/contract.ts";

/** One sample of a scrape. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a program exports: its samples, and the type of each metric that it declares. */
export interface Exposition {
  samples: Sample[];
  types: Map<string, string>;
}

/** Bash that scrapes `http://ADDRESS:PORT/metrics`, with nothing but bash, and prints the body. */
export function scrapeScript(address: string, port: number): string {
  return [
    `exec 3<>/dev/tcp/${address}/${port}`,
    `printf 'GET /metrics HTTP/1.1\\r\\nHost: ${address}\\r\\nConnection: close\\r\\n\\r\\n' >&3`,
    "timeout 10 sed '1,/^\\r$/d' <&3",
  ].join("; ");
}

/** Reads Prometheus' text format. @throws at a line that is none. */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, declared, type] = /^# TYPE (\S+) (\w+)$/.exec(line) ?? [];
    if (declared !== undefined && type !== undefined) types.set(declared, type);
    if (line === "" || line.startsWith("#")) continue;
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+.\w]+)(?: \d+)?$/.exec(line);
    if (sample === null) throw new Error(`no line of the text format: ${line}`);
    const [, name = "", labels = "", value = ""] = sample;
    samples.push({
      name,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [label, text]),
      ),
      value: Number(value),
    });
  }
  return { samples, types };
}

/** Sum of the samples of a metric whose labels have these values. */
export function sum(exposition: Exposition, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return exposition.samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((total, { value }) => total + value, 0);
}

/**
 * How a scrape departs from a contract: metrics that are missing, have other labels or label values than agreed, or another type. Those that
 * are exported only once something has happened may be missing.
 */
export function contractProblems({ samples, types }: Exposition, contract: readonly Metric[]): string[] {
  return contract.flatMap(({ name, type, labels, late = false }) => {
    const own = samples.filter((sample) => sample.name === name);
    if (own.length === 0) return late ? [] : [`${name} is not exported`];
    const declared = types.get(name);
    const typed = declared !== undefined && declared !== "untyped";
    const wrongType = typed && declared !== type ? [`${name} is a ${declared}, not a ${type}`] : [];
    const agreed = Object.keys(labels).toSorted().join();
    return wrongType.concat(
      own.flatMap((sample) => {
        const found = Object.keys(sample.labels).toSorted().join();
        if (found !== agreed) return [`${name} has the labels ${found}, not ${agreed}`];
        return Object.entries(labels).flatMap(([label, values]) =>
          "each" in values || values.includes(sample.labels[label] ?? "")
            ? []
            : [`${name} has ${label}="${sample.labels[label]}", which is not agreed`],
        );
      }),
    );
  });
}

/** Metrics that a program declares, with HELP and TYPE, and that the contract does not know. */
export function unknownMetrics({ types }: Exposition, contract: readonly Metric[]): string[] {
  const known = new Set(contract.map(({ name }) => name));
  return [...types.keys()].filter((name) => !known.has(name));
}
