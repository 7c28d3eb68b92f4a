import { metrics, type LabelValues, type Metric } from "./contract.ts";

const sources: Readonly<Record<Metric["source"], string>> = {
  edge: "The edge's own",
  kamailio: "Kamailio's statistics",
  rtpengine: "RTPengine",
  asterisk: "Asterisk",
  node: "Host (node exporter)",
  blackbox: "Probes (blackbox exporter)",
  mysqld: "Database (mysqld exporter)",
  nginx: "Front door (nginx exporter)",
  heplify: "HEP collector (heplify-server)",
  alertmanager: "Alertmanager",
  prometheus: "Prometheus",
  scrape: "Made by Prometheus for each target",
  recorded: "Recorded by rules",
};

/** Markdown tables of all metrics, one for each program. */
export function renderMetricsReference(): string {
  return Object.entries(sources)
    .map(([source, title]) => {
      const rows = metrics
        .filter((metric) => metric.source === source)
        .map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labelsText(labels)} | ${help} |`);
      return [
        `### ${title}`,
        "",
        "| Metric | Type | Labels | Meaning |",
        "| --- | --- | --- | --- |",
        ...rows,
        "",
      ].join("\n");
    })
    .join("\n");
}

function labelsText(labels: Metric["labels"]): string {
  return Object.entries(labels)
    .map(([label, values]) => `\`${label}\`: ${valuesText(values)}`)
    .join("; ");
}

function valuesText(values: LabelValues): string {
  return "each" in values ? `each ${values.each}` : values.map((value) => `\`${value}\``).join(", ");
}
