import { alertmanagerRuntime } from "./alertmanager/index.ts";
import { elasticsearchDefaults, elasticsearchRuntime } from "./elasticsearch/index.ts";
import {
  blackboxExporterRuntime,
  mysqldExporterRuntime,
  nginxExporterRuntime,
  nodeExporterRuntime,
} from "./exporters/index.ts";
import { filebeatRuntime } from "./filebeat/index.ts";
import { grafanaRuntime } from "./grafana/index.ts";
import { heplifyRuntime, homerAppRuntime, homerDatabaseRuntime } from "./homer/index.ts";
import { kibanaDefaults, kibanaRuntime } from "./kibana/index.ts";
import { logstashDefaults, logstashRuntime } from "./logstash/index.ts";
import { mediaMetricsRuntime } from "./media-metrics/index.ts";
import { nginxRuntime } from "./nginx/index.ts";
import { prometheusDefaults, prometheusRuntime } from "./prometheus/index.ts";

interface Memory {
  /** Limit of the container, without swap. */
  readonly limitMb: number;
  /** Heap that the program is told to keep to. */
  readonly heapMb?: number;
}

const of = ({ memoryMb }: { readonly memoryMb: number }, heapMb?: number): Memory => ({
  limitMb: memoryMb,
  ...(heapMb !== undefined && { heapMb }),
});

/** Memory of each tool with the defaults of the configuration; the light profile's come first. */
export const monitoringMemory: Readonly<Record<string, Memory>> = {
  prometheus: of(prometheusRuntime({ externalUrl: "", ...prometheusDefaults })),
  alertmanager: of(alertmanagerRuntime({ externalUrl: "" })),
  "node-exporter": of(nodeExporterRuntime()),
  "blackbox-exporter": of(blackboxExporterRuntime()),
  "mysqld-exporter": of(mysqldExporterRuntime()),
  "nginx-exporter": of(nginxExporterRuntime({ status: "" })),
  "media-metrics": of(mediaMetricsRuntime),
  grafana: of(grafanaRuntime),
  nginx: of(nginxRuntime),
  "homer-db": of(homerDatabaseRuntime),
  "heplify-server": of(heplifyRuntime),
  "homer-app": of(homerAppRuntime),
  elasticsearch: of(elasticsearchRuntime(), elasticsearchDefaults.heapMb),
  logstash: of(logstashRuntime(), logstashDefaults.heapMb),
  filebeat: of(filebeatRuntime),
  kibana: of(kibanaRuntime(), kibanaDefaults.heapMb),
};

/** The table of them, as Markdown. */
export function renderMonitoringMemory(): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const total = Object.values(monitoringMemory).reduce((sum, { limitMb }) => sum + limitMb, 0);
  return [
    row(["Container", "Heap, MiB", "Limit, MiB"]),
    row(["---", "--:", "--:"]),
    ...Object.entries(monitoringMemory).map(([tool, { limitMb, heapMb = "" }]) =>
      row([tool, `${heapMb}`, `${limitMb}`]),
    ),
    row(["all", "", `${total}`]),
    "",
  ].join("\n");
}
