import { readFolder } from "../../configs/files.ts";

/** The parts of a dashboard's JSON that are looked at. */
export interface DashboardFile {
  readonly uid: string;
  readonly title: string;
  readonly description?: string;
  readonly editable?: boolean;
  readonly panels: readonly PanelJson[];
  readonly templating: {
    readonly list?: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly legendFormat: string;
    readonly datasource?: { readonly type: string; readonly uid: string };
  }[];
}

/** The dashboards as Grafana gets them, by file. */
export function readDashboards(): Record<string, DashboardFile> {
  const files = readFolder(new URL("../../configs/grafana/static/dashboards/", import.meta.url));
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, JSON.parse(text) as DashboardFile]));
}

/** One expression of a panel. */
export interface PanelExpression {
  /** `dashboard / panel`, by their titles. */
  readonly where: string;
  readonly legend: string;
  readonly expr: string;
}

/** Every expression of every panel. */
export function panelExpressions(): PanelExpression[] {
  return Object.values(readDashboards()).flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr, legendFormat }) => ({
        where: `${title} / ${panel.title ?? ""}`,
        legend: legendFormat,
        expr,
      })),
    ),
  );
}

/** PromQL with values for what Grafana would put in. `window` is the time of a rate and the time that is shown. */
export function withoutVariables(expr: string, window = "5m"): string {
  return expr.replaceAll(/\$__rate_interval|\$__range/g, window).replaceAll("$instance", ".+");
}

/** Panels that show nothing on a stack that is well and has had calls, by `dashboard / panel`, and why. */
export const emptyWithReason: Readonly<Record<string, string>> = {
  "Overview / Alerts that fire or will soon": "nothing is wrong",
  "Calls & KPIs / Trunks up": "there is no trunk",
  "Calls & KPIs / Calls by trunk": "there is no trunk",
  "Calls & KPIs / Failed at the trunk": "there is no trunk",
  "Calls & KPIs / Trunk calls in this time": "there is no trunk",
  "Hosts / Waiting": "not every kernel tells",
};

/**
 * The expressions that give nothing, each with its panel; none of those in {@link emptyWithReason}. `ask` evaluates PromQL now and returns the
 * values of the series. A value that is no number is none.
 */
export async function emptyPanels(
  ask: (promql: string) => Promise<readonly number[]>,
  { window = "5m", allowed = emptyWithReason }: { window?: string; allowed?: Readonly<Record<string, string>> } = {},
): Promise<string[]> {
  const empty: string[] = [];
  for (const { where, legend, expr } of panelExpressions()) {
    if (where in allowed) continue;
    const values = await ask(withoutVariables(expr, window));
    if (!values.some((value) => !Number.isNaN(value))) empty.push(`${where} (${legend}): ${expr}`);
  }
  return empty;
}
