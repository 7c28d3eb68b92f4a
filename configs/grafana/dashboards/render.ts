import { dashboards } from "./index.ts";

/** The files of `configs/grafana/static/dashboards`: name → content. A line for each panel, so that changes can be read. */
export function renderDashboards(): Record<string, string> {
  return Object.fromEntries(
    dashboards.map(({ panels = [], ...rest }) => {
      const head = JSON.stringify(rest, null, 2).slice(0, -"\n}".length);
      const lines = panels.map((panel) => `    ${JSON.stringify(panel)}`);
      return [`${rest.uid ?? ""}.json`, `${head},\n  "panels": [\n${lines.join(",\n")}\n  ]\n}\n`];
    }),
  );
}
