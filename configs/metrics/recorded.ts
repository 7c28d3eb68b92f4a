import { recordings } from "../prometheus/recording.ts";
import type { Metric } from "./contract.ts";

/** What the recording rules make. There is none of a mean as long as there is nothing to take it of. */
export const recordedMetrics: readonly Metric[] = recordings.map(({ record, labels, help }) => ({
  name: record,
  type: "gauge",
  source: "recorded",
  labels,
  help,
  late: true,
}));
