import { readFileSync, writeFileSync } from "node:fs";
import { renderConfigReference, renderPulumiYaml } from "../components/config-docs.ts";
import { renderMetricsReference } from "../configs/metrics/reference.ts";

/** Text with what is between two marks made anew. */
const between = (mark: string, render: () => string) => (current: string) =>
  current.replace(
    new RegExp(`(<!-- ${mark}:begin -->\\n)[\\s\\S]*(<!-- ${mark}:end -->)`),
    (_match, begin: string, end: string) => [begin, render(), end].join(""),
  );

/** Files with a part that is made from the schema of the configuration or the contract of the metrics, and how it is made. */
export const generated: Readonly<Record<string, (current: string) => string>> = {
  "Pulumi.yaml": renderPulumiYaml,
  "README.md": between("config", renderConfigReference),
  "docs/metrics.md": between("metrics", renderMetricsReference),
};

/** `npm run generate`. Writes those files. */
export function generate(): number {
  for (const [file, render] of Object.entries(generated)) {
    const url = new URL(`../${file}`, import.meta.url);
    writeFileSync(url, render(readFileSync(url, "utf8")));
    console.log(`wrote ${file}`);
  }
  return 0;
}
