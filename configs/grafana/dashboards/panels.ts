import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import { PanelBuilder as BarGaugeBuilder } from "@grafana/grafana-foundation-sdk/bargauge";
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TableCellDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
  type ValueMapping,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { prometheusUid } from "../provisioning.ts";

const datasource = { type: "prometheus", uid: prometheusUid };

/** From which value on a colour holds; the first holds for everything below the others. */
export type Thresholds = readonly [first: string, ...steps: (readonly [from: number, colour: string])[]];

/** Good below the first figure, to be looked at from it on, bad from the second on; bad from the first on if there is no second. */
export const badAbove = (first: number, second?: number): Thresholds =>
  second === undefined ? ["green", [first, "red"]] : ["green", [first, "yellow"], [second, "red"]];

/** Bad below the first figure, to be looked at below the second if there is one. */
export const badBelow = (bad: number, warning?: number): Thresholds =>
  warning === undefined ? ["red", [bad, "green"]] : ["red", [bad, "yellow"], [warning, "green"]];

/** Nothing that could be good or bad. */
export const neutral: Thresholds = ["blue"];

/** What each number is called and coloured. */
export type States = Readonly<Record<string, readonly [text: string, colour: string]>>;

/** Of what is 1 while it is up. */
export const upOrDown: States = { 0: ["down", "red"], 1: ["up", "green"] };

/** What every panel says. */
export interface PanelOptions {
  readonly title: string;
  /** What a reader has to know to judge it. */
  readonly description: string;
  /** Grafana's name of the unit; its constants are in `@grafana/grafana-foundation-sdk/units`. */
  readonly unit: string;
  /** Legend → PromQL; the legend of series with labels has their names in braces: `{{instance}}`. */
  readonly queries: Readonly<Record<string, string>>;
  /** Width, of 24. */
  readonly width?: number;
  /** Height, of about 30 pixels each. */
  readonly height?: number;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  /** Default: {@link neutral}. */
  readonly thresholds?: Thresholds;
  readonly states?: States;
  /** Shown when there is no value at all. */
  readonly noValue?: string;
}

/** What the SDK's builders of panels have in common. */
interface AnyPanel extends Builder<Panel> {
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  datasource(source: typeof datasource): this;
  span(width: number): this;
  height(height: number): this;
  min(min: number): this;
  max(max: number): this;
  decimals(decimals: number): this;
  noValue(text: string): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  colorScheme(color: FieldColorBuilder): this;
  mappings(mappings: ValueMapping[]): this;
  withTarget(target: DataqueryBuilder): this;
}

type Evaluation = "range" | "instant" | "table";

function fill<T extends AnyPanel>(panel: T, options: PanelOptions, evaluation: Evaluation): T {
  const { thresholds: [first, ...steps] = neutral, states } = options;
  panel
    .title(options.title)
    .description(options.description)
    .unit(options.unit)
    .datasource(datasource)
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps([{ value: null, color: first }, ...steps.map(([value, color]) => ({ value, color }))]),
    );
  if (options.width !== undefined) panel.span(options.width);
  if (options.height !== undefined) panel.height(options.height);
  if (options.min !== undefined) panel.min(options.min);
  if (options.max !== undefined) panel.max(options.max);
  if (options.decimals !== undefined) panel.decimals(options.decimals);
  if (options.noValue !== undefined) panel.noValue(options.noValue);
  if (states !== undefined) {
    const texts = Object.entries(states).map(
      ([value, [text, color]], index) => [value, { text, color, index }] as const,
    );
    panel.mappings([{ type: MappingType.ValueToText, options: Object.fromEntries(texts) }]);
  }
  Object.entries(options.queries).forEach(([legend, expr], index) => {
    const target = new DataqueryBuilder()
      .datasource(datasource)
      .refId(String.fromCharCode("A".charCodeAt(0) + index))
      .expr(expr)
      .legendFormat(legend);
    if (evaluation === "range") target.range();
    else target.instant();
    if (evaluation === "table") target.format(PromQueryFormat.Table);
    panel.withTarget(target);
  });
  return panel;
}

const lastValue = () => new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false);
const byThresholds = () => new FieldColorBuilder().mode(FieldColorModeId.Thresholds);

/** One figure, as it is now: when it is not there any more, none is shown. Its colour says how good it is. */
export function figure(options: PanelOptions): Builder<Panel> {
  return fill(new StatBuilder(), { width: 4, height: 4, ...options }, "instant")
    .colorScheme(byThresholds())
    .reduceOptions(lastValue())
    .graphMode(BigValueGraphMode.None)
    .colorMode(
      options.thresholds === undefined && options.states === undefined
        ? BigValueColorMode.Value
        : BigValueColorMode.Background,
    )
    .textMode(
      Object.keys(options.queries).some((legend) => legend !== "")
        ? BigValueTextMode.ValueAndName
        : BigValueTextMode.Value,
    );
}

/** How figures went. `stacked` where their sum is something as well. */
export function course(options: PanelOptions & { readonly stacked?: boolean }): Builder<Panel> {
  return fill(new TimeseriesBuilder(), { width: 8, height: 8, ...options }, "range")
    .lineWidth(options.stacked === true ? 0 : 2)
    .fillOpacity(options.stacked === true ? 70 : 8)
    .showPoints(VisibilityMode.Never)
    .stacking(new StackingConfigBuilder().mode(options.stacked === true ? StackingMode.Normal : StackingMode.None))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
}

/** Totals side by side, of the time that is shown. */
export function totals(options: PanelOptions): Builder<Panel> {
  return fill(new BarGaugeBuilder(), { width: 8, height: 8, decimals: 0, min: 0, ...options }, "instant")
    .colorScheme(byThresholds())
    .reduceOptions(lastValue())
    .displayMode(BarGaugeDisplayMode.Basic)
    .orientation(VizOrientation.Horizontal);
}

/** When what was in which state. */
export function history(options: PanelOptions & { readonly states: States }): Builder<Panel> {
  return fill(new StateTimelineBuilder(), { width: 12, height: 8, ...options }, "range")
    .colorScheme(byThresholds())
    .mergeValues(true)
    .fillOpacity(80)
    .lineWidth(0)
    .legend(new VizLegendOptionsBuilder().showLegend(false).displayMode(LegendDisplayMode.List));
}

/** A row for each series, with those of its labels (and `Value`) that are named. */
export function list(options: PanelOptions & { readonly columns: Readonly<Record<string, string>> }): Builder<Panel> {
  const names = Object.keys(options.columns);
  return fill(new TableBuilder(), { width: 12, height: 8, ...options }, "table")
    .overrideByFieldType("number", [{ id: "custom.cellOptions", value: { type: TableCellDisplayMode.ColorText } }])
    .withTransformation({ id: "filterFieldsByName", options: { include: { names } } })
    .withTransformation({
      id: "organize",
      options: {
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: options.columns,
      },
    });
}

/** Panels under a heading. */
export interface Section {
  readonly heading: string;
  readonly panels: readonly Builder<Panel>[];
}

/** A dashboard. */
export interface DashboardOptions {
  /** Its address and the name of its file; never changed, links break otherwise. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly sections: readonly Section[];
  /** Job whose instances can be chosen from: `$instance`. */
  readonly instancesOf?: string;
  /** Time shown at first: `now-` and this. Default 3h. */
  readonly time?: string;
}

/** Tag by which the dashboards link to one another. */
const tag = "sbc";

/** Puts a dashboard together, its panels from left to right and down. */
export function dashboard({
  uid,
  title,
  description,
  sections,
  instancesOf,
  time = "3h",
}: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .readonly()
    .timezone("browser")
    .time({ from: `now-${time}`, to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Dashboards")
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .keepTime(true)
        .asDropdown(true),
    );
  if (instancesOf !== undefined) {
    builder.withVariable(
      new QueryVariableBuilder("instance")
        .label("Instance")
        .datasource(datasource)
        .query({ query: `label_values(up{job="${instancesOf}"}, instance)`, refId: "instance" })
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.NaturalAsc)
        .multi(true)
        .includeAll(true)
        .current({ selected: true, text: ["All"], value: ["$__all"] }),
    );
  }
  for (const { heading, panels } of sections) {
    builder.withRow(new RowBuilder(heading));
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  // Grafana would number them itself, differently after each change.
  built.panels?.forEach((panel, index) => {
    panel.id = index + 1;
  });
  return built;
}
