import { readFileSync, writeFileSync } from "node:fs";
import { renderConfigReference, renderPulumiYaml } from "../components/config-docs.ts";

/** Files with a part that is made from the schema of the configuration, and how it is made. */
export const generated: Readonly<Record<string, (current: string) => string>> = {
  "Pulumi.yaml": renderPulumiYaml,
  "README.md": (current) =>
    current.replace(/(<!-- config:begin -->\n)[\s\S]*(<!-- config:end -->)/, (_match, begin: string, end: string) =>
      [begin, renderConfigReference(), end].join(""),
    ),
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
