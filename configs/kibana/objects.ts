import type { LogField } from "../elasticsearch/fields.ts";
import { logStreams } from "../elasticsearch/objects.ts";

/** An object of Kibana as its import takes it: one JSON line. */
export interface SavedObject {
  readonly type: "index-pattern" | "search" | "lens" | "dashboard";
  /** Fixed, so that an import writes over what the last one made. */
  readonly id: string;
  /** Version of the object's shape; Kibana brings older ones up to date when it imports them. */
  readonly typeMigrationVersion: string;
  readonly coreMigrationVersion: "8.8.0";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly type: SavedObject["type"]; readonly id: string; readonly name: string }[];
}

/** Its id stands in URLs of Discover. */
export const dataView = "sbc-logs";

const coreMigrationVersion = "8.8.0";
const dataViewReference = (name: string) => ({ type: "index-pattern", id: dataView, name }) as const;

const view: SavedObject = {
  type: "index-pattern",
  id: dataView,
  typeMigrationVersion: "8.0.0",
  coreMigrationVersion,
  attributes: { title: logStreams, name: "SBC logs", timeFieldName: "@timestamp" },
  references: [],
};

/** A search in Discover. @param query KQL */
function search(
  id: string,
  title: string,
  description: string,
  query: string,
  columns: readonly LogField[],
): SavedObject {
  return {
    type: "search",
    id,
    typeMigrationVersion: "8.0.0",
    coreMigrationVersion,
    attributes: {
      title,
      description,
      columns,
      sort: [["@timestamp", "desc"]],
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          query: { query, language: "kuery" },
          filter: [],
          indexRefName: "kibanaSavedObjectMeta.searchSourceJSON.index",
        }),
      },
    },
    references: [dataViewReference("kibanaSavedObjectMeta.searchSourceJSON.index")],
  };
}

const layer = "lines";
const count = {
  label: "Lines",
  dataType: "number",
  operationType: "count",
  isBucketed: false,
  scale: "ratio",
  sourceField: "___records___",
};
const time = {
  label: "Time",
  dataType: "date",
  operationType: "date_histogram",
  sourceField: "@timestamp" satisfies LogField,
  isBucketed: true,
  scale: "interval",
  params: { interval: "auto" },
};
const top = (field: LogField, label: string, size: number) => ({
  label,
  dataType: "string",
  operationType: "terms",
  sourceField: field,
  isBucketed: true,
  scale: "ordinal",
  params: {
    size,
    orderBy: { type: "column", columnId: "count" },
    orderDirection: "desc",
    otherBucket: true,
    missingBucket: false,
  },
});

function lens(
  id: string,
  title: string,
  query: string,
  visualizationType: "lnsXY" | "lnsDatatable",
  columns: Readonly<Record<string, unknown>>,
  visualization: unknown,
): SavedObject {
  return {
    type: "lens",
    id,
    typeMigrationVersion: "8.9.0",
    coreMigrationVersion,
    attributes: {
      title,
      visualizationType,
      state: {
        query: { query, language: "kuery" },
        filters: [],
        datasourceStates: {
          formBased: { layers: { [layer]: { columnOrder: Object.keys(columns), columns, incompleteColumns: {} } } },
        },
        visualization,
      },
    },
    references: [dataViewReference(`indexpattern-datasource-layer-${layer}`)],
  };
}

/** Lines over time, one colour for each value of a field. */
function overTime(id: string, title: string, query: string, field: LogField, label: string): SavedObject {
  const columns = { split: top(field, label, 12), time, count };
  return lens(id, title, query, "lnsXY", columns, {
    legend: { isVisible: true, position: "right" },
    valueLabels: "hide",
    preferredSeriesType: "bar_stacked",
    layers: [
      {
        layerId: layer,
        layerType: "data",
        seriesType: "bar_stacked",
        xAccessor: "time",
        splitAccessor: "split",
        accessors: ["count"],
      },
    ],
  });
}

/** The values of a field that most lines have. */
function table(id: string, title: string, query: string, field: LogField, label: string): SavedObject {
  return lens(
    id,
    title,
    query,
    "lnsDatatable",
    { value: top(field, label, 20), count },
    {
      layerId: layer,
      layerType: "data",
      columns: [{ columnId: "value" }, { columnId: "count" }],
    },
  );
}

/** A panel: an object and the part of the width of 48 that it takes. */
type Panel = readonly [object: SavedObject, width: number, height: number];

function dashboard(id: string, title: string, description: string, rows: readonly (readonly Panel[])[]): SavedObject {
  const panels: unknown[] = [];
  const references: { type: SavedObject["type"]; id: string; name: string }[] = [];
  let y = 0;
  for (const row of rows) {
    let x = 0;
    for (const [object, w, h] of row) {
      const index = String(panels.length + 1);
      panels.push({
        version: "8.9.0",
        type: object.type,
        gridData: { x, y, w, h, i: index },
        panelIndex: index,
        embeddableConfig: { enhancements: {} },
        panelRefName: `panel_${index}`,
      });
      references.push({ type: object.type, id: object.id, name: `${index}:panel_${index}` });
      x += w;
    }
    y += Math.max(...row.map(([, , height]) => height));
  }
  return {
    type: "dashboard",
    id,
    typeMigrationVersion: "8.9.0",
    coreMigrationVersion,
    attributes: {
      title,
      description,
      version: 1,
      timeRestore: true,
      timeFrom: "now-24h",
      timeTo: "now",
      refreshInterval: { pause: true, value: 60_000 },
      optionsJSON: JSON.stringify({ useMargins: true, hidePanelTitles: false }),
      panelsJSON: JSON.stringify(panels),
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: "", language: "kuery" }, filter: [] }),
      },
    },
    references,
  };
}

const call = ["service.node.name", "call.direction", "sip.call_id", "sip.status", "message"] as const;
const allLines = search("sbc-search-lines", "SBC: all lines", "Everything, newest first.", "", [
  "service.node.name",
  "log.level",
  "sip.call_id",
  "message",
]);
const oneCall = search(
  "sbc-search-call",
  "SBC: one call",
  "Lines of all legs of one call. Put the Call-ID of the caller's leg between the quotes; the Call-IDs of the other legs stand in the lines.",
  'sip.correlation_id : "" or sip.call_id : ""',
  call,
);
const records = search(
  "sbc-search-records",
  "SBC: ended calls",
  "One line for each leg that has ended, from the edge.",
  "service.name : kamailio and call.ended_by : *",
  [
    "call.direction",
    "call.account",
    "call.caller",
    "call.callee",
    "sip.status",
    "call.cause",
    "call.ended_by",
    "call.codec",
    "call.trunk",
    "sip.correlation_id",
  ],
);
const refused = "service.name : kamailio and event.action : *";
const security = search(
  "sbc-search-security",
  "SBC: refused sources",
  "Bans, wrong passwords, signatures and certificates that did not fit.",
  refused,
  ["event.action", "source.ip", "user.name", "message"],
);
const bad = "log.level : (error or err or critical or crit or alert or bug or warning or warn or fatal)";
const problems = search("sbc-search-problems", "SBC: warnings and errors", "Of every service.", bad, [
  "service.node.name",
  "log.level",
  "sip.call_id",
  "message",
]);

const linesByService = overTime("sbc-lens-services", "Lines by service", "", "service.name", "Service");
const problemsByService = overTime("sbc-lens-problems", "Warnings and errors", bad, "service.name", "Service");
const unread = table(
  "sbc-lens-unread",
  "Lines that were not understood",
  "tags : (_not_json or _not_parsed)",
  "service.node.name",
  "Service",
);
const callEnds = overTime("sbc-lens-causes", "Ended legs by cause", "call.ended_by : *", "call.cause", "Cause");
const callTrunks = table("sbc-lens-trunks", "Ended legs by trunk", "call.trunk : *", "call.trunk", "Trunk");
const callAccounts = table(
  "sbc-lens-accounts",
  "Ended legs by account",
  "call.ended_by : *",
  "call.account",
  "Account",
);
const actions = overTime("sbc-lens-actions", "Refusals", refused, "event.action", "What");
const sources = table("sbc-lens-sources", "Refused sources", refused, "source.ip", "Source");
const refusedUsers = table("sbc-lens-users", "Users named by them", refused, "user.name", "User");

/** Everything that the import puts into Kibana; what an object refers to stands before it. */
export const savedObjects: readonly SavedObject[] = [
  view,
  ...[allLines, oneCall, records, security, problems],
  ...[linesByService, problemsByService, unread, callEnds, callTrunks, callAccounts, actions, sources, refusedUsers],
  dashboard("sbc-dashboard-calls", "SBC: calls", "What became of calls, from the edge's records.", [
    [[callEnds, 48, 12]],
    [
      [callTrunks, 24, 12],
      [callAccounts, 24, 12],
    ],
    [[records, 48, 20]],
  ]),
  dashboard("sbc-dashboard-security", "SBC: security", "Who was refused, and why.", [
    [[actions, 48, 12]],
    [
      [sources, 24, 12],
      [refusedUsers, 24, 12],
    ],
    [[security, 48, 20]],
  ]),
  dashboard("sbc-dashboard-operations", "SBC: operations", "What the services say.", [
    [
      [linesByService, 24, 12],
      [problemsByService, 24, 12],
    ],
    [
      [unread, 12, 20],
      [problems, 36, 20],
    ],
  ]),
];

/** The file for the import. */
export function renderObjects(): string {
  return savedObjects.map((object) => `${JSON.stringify(object)}\n`).join("");
}
