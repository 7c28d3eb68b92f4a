import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { renderConfigReference, renderPulumiYaml } from "../components/config-docs.ts";
import { renderMonitoringMemory } from "../configs/monitoring-memory.ts";
import { renderDashboards } from "../configs/grafana/dashboards/render.ts";
import { renderMetricsReference } from "../configs/metrics/reference.ts";

/** Text with what is between two marks made anew. */
const between = (mark: string, render: () => string) => (current: string) =>
  current.replace(
    new RegExp(`(<!-- ${mark}:begin -->\\n)[\\s\\S]*(<!-- ${mark}:end -->)`),
    (_match, begin: string, end: string) => [begin, render(), end].join(""),
  );

/**
 * Files that are made, or a part of which is, from the configuration's schema, the limits of the containers, the contract of the metrics or the
 * dashboards in TypeScript.
 */
export const generated: Readonly<Record<string, (current: string) => string>> = {
  "Pulumi.yaml": renderPulumiYaml,
  "README.md": between("config", renderConfigReference),
  "docs/metrics.md": between("metrics", renderMetricsReference),
  "docs/monitoring-performance.md": between("memory", renderMonitoringMemory),
  ...Object.fromEntries(
    Object.entries(renderDashboards()).map(([file, content]) => [
      `configs/grafana/static/dashboards/${file}`,
      () => content,
    ]),
  ),
};

/** `npm run generate`. Writes those files. */
export function generate(): number {
  for (const [file, render] of Object.entries(generated)) {
    const url = new URL(`../${file}`, import.meta.url);
    writeFileSync(url, render(existsSync(url) ? readFileSync(url, "utf8") : ""));
    console.log(`wrote ${file}`);
  }
  return 0;
}
