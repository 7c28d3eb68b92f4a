import { logFields, mappingProperties } from "./fields.ts";

/** Streams of the log pipeline: `logs-sbc.<service>-default`. */
export const logStreams = "logs-sbc.*-*";

/** Days that log lines are kept unless a stack says otherwise. */
export const logRetentionDays = 14;

/** The pattern of the data streams with what their indices are like and how long they live. */
export function indexTemplate(retentionDays: number) {
  return {
    index_patterns: [logStreams],
    data_stream: {},
    // The product's own templates for `logs-*-*` have 100.
    priority: 500,
    template: {
      settings: {
        index: {
          number_of_shards: 1,
          // There is one node: a replica would have no place, and the cluster would be yellow for ever.
          number_of_replicas: 0,
          codec: "best_compression",
          // A program that writes nonsense into a number or an address loses that field, not the line.
          mapping: { ignore_malformed: true },
        },
      },
      // Old indices are deleted as a whole, so the oldest lines stay up to one index's span longer.
      lifecycle: { data_retention: `${retentionDays}d` },
      mappings: { dynamic: false, properties: mappingProperties(logFields) },
    },
    _meta: { managed_by: "sbc" },
  };
}

/** Roles: what each user may do, and nothing else. */
export const roles = {
  sbc_log_writer: {
    cluster: ["monitor"],
    indices: [{ names: [logStreams], privileges: ["auto_configure", "create_doc"] }],
  },
  sbc_log_reader: {
    cluster: [],
    indices: [{ names: [logStreams], privileges: ["read", "view_index_metadata"] }],
  },
} as const;

/** Users with a generated password: who they are and what for. */
export const users = {
  /** Makes all the others: known by a file on the node, so it works whatever the security index holds. */
  setup: "sbc_setup",
  /** Kibana's own; built in. */
  kibana: "kibana_system",
  /** Logstash's. */
  writer: "sbc_log_writer",
  /** People's, in Kibana: reads logs and dashboards, changes nothing. */
  reader: "sbc_reader",
  /** People's, in Kibana: may do everything; built in. */
  admin: "elastic",
} as const;
