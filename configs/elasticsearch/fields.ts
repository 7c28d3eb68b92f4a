/** Types of fields in Elasticsearch that are used here. */
export type FieldType = "date" | "keyword" | "constant_keyword" | "match_only_text" | "long" | "short" | "ip";

/**
 * Every field of a log line that can be searched, named as the Elastic Common Schema does where that has a name. What else a program
 * writes is kept in the document and can be read, but has no index: a program cannot make the mapping grow.
 */
export const logFields = {
  "@timestamp": "date",
  message: "match_only_text",
  tags: "keyword",
  "data_stream.type": "constant_keyword",
  "data_stream.dataset": "constant_keyword",
  "data_stream.namespace": "constant_keyword",
  /** What a service is: `asterisk`. */
  "service.name": "keyword",
  /** Which one it is: `asterisk-1`. */
  "service.node.name": "keyword",
  /** The Docker host. */
  "host.name": "keyword",
  "log.level": "keyword",
  "log.logger": "keyword",
  "log.origin.file.name": "keyword",
  "log.origin.file.line": "long",
  "log.origin.function": "keyword",
  "process.pid": "long",
  /** Call-ID of the SIP dialog that the line is about. */
  "sip.call_id": "keyword",
  /** Call-ID of the caller's leg, which all legs of a call share. */
  "sip.correlation_id": "keyword",
  "sip.method": "keyword",
  "sip.status": "short",
  "call.direction": "keyword",
  "call.account": "keyword",
  "call.caller": "keyword",
  "call.callee": "keyword",
  "call.node": "keyword",
  "call.trunk": "keyword",
  "call.codec": "keyword",
  "call.cause": "keyword",
  "call.ended_by": "keyword",
  "call.channel": "keyword",
  /** What was done to or refused to a source: `ban`, `wrong-credentials`, `signature`, `certificate`. */
  "event.action": "keyword",
  "source.ip": "ip",
  "user.name": "keyword",
  "http.request.method": "keyword",
  "http.response.status_code": "short",
  "url.path": "keyword",
} as const satisfies Readonly<Record<string, FieldType>>;

/** A field that can be searched. */
export type LogField = keyof typeof logFields;

/** Properties of the mapping, nested by the dots of the names. */
export function mappingProperties(fields: Readonly<Record<string, FieldType>>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(fields)) {
    const parts = name.split(".");
    const leaf = parts.pop() ?? name;
    let level = root;
    for (const part of parts) {
      const object = (level[part] ??= { properties: {} }) as { properties: Record<string, unknown> };
      level = object.properties;
    }
    // What is longer is no name of anything; it stays in the document.
    level[leaf] = type === "keyword" ? { type, ignore_above: 1024 } : { type };
  }
  return root;
}
