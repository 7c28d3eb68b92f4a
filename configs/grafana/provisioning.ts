/** Data source of all dashboards, by its fixed uid. */
export const prometheusUid = "prometheus";
/** Data source of the alerts that Grafana lists. */
export const alertmanagerUid = "alertmanager";
