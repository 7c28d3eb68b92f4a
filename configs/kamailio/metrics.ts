import { edgeMetrics, listedSeries } from "../metrics/contract.ts";

/** Renders `metrics.cfg`: the declarations of the contract's own metrics, and a route that makes their series. */
export function renderMetrics(): string {
  const declared = edgeMetrics.map(({ name, type, labels, help }) => {
    const names = Object.keys(labels).join(":");
    return `modparam("xhttp_prom", "prom_${type}", "name=${name}; ${names === "" ? "" : `label=${names}; `}help='${help}';")`;
  });
  const series = edgeMetrics.flatMap(({ name, type, labels }) =>
    listedSeries(labels).map((values) => {
      const quoted = [name, "0", ...values].map((word) => `"${word}"`).join(", ");
      // Adding nothing makes the series, or leaves it as it is.
      return `\tprom_${type}_inc(${quoted});`;
    }),
  );
  return [
    "# Generated from configs/metrics/contract.ts.",
    "",
    ...declared,
    "",
    "# A series that starts at 0 can be alerted on from its first increase.",
    "route[METRICS_TOUCH] {",
    ...series,
    "}",
    "",
  ].join("\n");
}
