import { masks } from "./masking.ts";
import { linePatterns, mariadbPattern, patternDefinitions, rtpenginePattern, textDefinitions } from "./patterns.ts";

/** Services with a data stream of their own: `logs-sbc.<service>-default`. All others share `logs-sbc.other-default`. */
export const streamServices = ["kamailio", "asterisk", "rtpengine", "mariadb", "nginx"] as const;

/** A string in Logstash's configuration; it has no escapes there. @throws Error when it holds both kinds of quotes */
export function quoted(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new Error(`${text} has both kinds of quotes, which Logstash's configuration cannot hold`);
}

/** For Ruby `^` and `$` are ends of lines: a SIP message in a line could hold what looks like another one. */
export function wholeLine(pattern: string): string {
  return String.raw`\A${pattern}\z`;
}

/** Input and filter of the pipeline; the output has a password and is a file of its own. */
export function renderPipeline(): string {
  return `# Rendered. From Filebeat to fields; docs/monitoring-logs.md says what each line becomes.

input {
  beats {
    port => 5044
    ssl_enabled => true
    ssl_certificate => "/run/secrets/tls.crt"
    ssl_key => "/run/secrets/tls.key"
    ssl_certificate_authorities => ["/run/secrets/ca.crt"]
    # Nobody but Filebeat has a certificate of this CA: a log that anybody can write to proves nothing.
    ssl_client_authentication => "required"
    ssl_supported_protocols => ["TLSv1.2", "TLSv1.3"]
    enrich => "none"
  }
}

filter {
  # Which service, by the tag that Docker's log driver puts in front.
  mutate {
    copy => {
      "[log][syslog][appname]" => "[service][node][name]"
      "[log][syslog][hostname]" => "[host][name]"
    }
    remove_field => ["tags", "agent", "ecs", "input", "[log][source]"]
  }
  if ![service][node][name] {
    mutate { add_field => { "[service][node][name]" => "unknown" } }
  }
  mutate { copy => { "[service][node][name]" => "[service][name]" } }
  mutate {
    gsub => ["[service][name]", "-[0-9]+$", ""]
    remove_field => ["[log][syslog]"]
  }

  # Secrets go first, while the line is one string: whatever is made of it below has none.
${masks.map(renderMask).join("\n")}

  # A line that is no JSON object (a text log, an error before the log engine runs, a line that was cut) stays as it is, marked.
  if [message] =~ /\\A\\s*\\{/ {
    json {
      source => "message"
      # Apart from the event: a program must not set its time, its stream or its tags.
      target => "[@metadata][line]"
      tag_on_failure => ["_not_json"]
    }
  }

  if [service][name] == "kamailio" and [@metadata][line] {
    mutate {
      rename => {
        "[@metadata][line][message]" => "message"
        "[@metadata][line][callid]" => "[sip][call_id]"
        "[@metadata][line][level]" => "[log][level]"
        "[@metadata][line][module]" => "[log][logger]"
        "[@metadata][line][file]" => "[log][origin][file][name]"
        "[@metadata][line][line]" => "[log][origin][file][line]"
        "[@metadata][line][function]" => "[log][origin][function]"
        "[@metadata][line][pid]" => "[process][pid]"
      }
    }
    date { match => ["[@metadata][line][time]", "ISO8601"] }
${renderPatterns("kamailio")}
  } else if [service][name] == "asterisk" and [@metadata][line] {
    mutate {
      rename => {
        "[@metadata][line][logmsg][message]" => "message"
        "[@metadata][line][logmsg][level]" => "[log][level]"
        "[@metadata][line][logmsg][location][filename]" => "[log][origin][file][name]"
        "[@metadata][line][logmsg][location][line]" => "[log][origin][file][line]"
        "[@metadata][line][logmsg][location][function]" => "[log][origin][function]"
        "[@metadata][line][identifiers][lwp]" => "[process][pid]"
      }
    }
    mutate { strip => ["message"] }
    date { match => ["[@metadata][line][timestamp]", "ISO8601", "yyyy-MM-dd'T'HH:mm:ss.SSSZ"] }
${renderPatterns("asterisk")}
  } else if [service][name] == "rtpengine" {
${renderText(rtpenginePattern)}
    date { match => ["[@metadata][at]", "UNIX"] }
  } else if [service][name] == "mariadb" {
${renderText(mariadbPattern)}
  } else if [service][name] == "nginx" and [@metadata][line] {
    mutate { copy => { "[@metadata][line]" => "line" } }
    mutate {
      rename => {
        "[@metadata][line][client]" => "[source][ip]"
        "[@metadata][line][method]" => "[http][request][method]"
        "[@metadata][line][path]" => "[url][path]"
        "[@metadata][line][status]" => "[http][response][status_code]"
      }
    }
    # Empty: nobody was asked for a password there.
    if [@metadata][line][user] and [@metadata][line][user] != "" {
      mutate { copy => { "[@metadata][line][user]" => "[user][name]" } }
    }
  } else if [@metadata][line] {
    # Tools of the monitoring plane: each has its own names for the same.
    mutate { copy => { "[@metadata][line]" => "line" } }
    mutate {
      rename => {
        "[@metadata][line][msg]" => "message"
        "[@metadata][line][level]" => "[log][level]"
        "[@metadata][line][logger]" => "[log][logger]"
      }
    }
    mutate {
      rename => {
        "[@metadata][line][message]" => "message"
        "[@metadata][line][lvl]" => "[log][level]"
        "[@metadata][line][component]" => "[log][logger]"
      }
    }
  }

  if [log][level] {
    mutate { lowercase => ["[log][level]"] }
  }
  if [sip][status] {
    mutate { convert => { "[sip][status]" => "integer" } }
  }

  mutate {
    add_field => {
      "[data_stream][type]" => "logs"
      "[data_stream][dataset]" => "sbc.other"
      "[data_stream][namespace]" => "default"
    }
  }
  if [service][name] in [${streamServices.map((name) => `"${name}"`).join(", ")}] {
    mutate { replace => { "[data_stream][dataset]" => "sbc.%{[service][name]}" } }
  }
}
`;
}

function renderMask({ what, pattern, replacement }: (typeof masks)[number]): string {
  // Both kinds of quotes are needed in some patterns: one of them by its code.
  const safe = pattern.includes("'") && pattern.includes('"') ? pattern.replaceAll("'", String.raw`\x27`) : pattern;
  return `  # ${what}\n  mutate { gsub => ["message", ${quoted(safe)}, ${quoted(replacement)}] }`;
}

function renderDefinitions(definitions: Readonly<Record<string, string>>): string {
  const lines = Object.entries(definitions).map(([name, pattern]) => `        "${name}" => ${quoted(pattern)}`);
  return `      pattern_definitions => {\n${lines.join("\n")}\n      }`;
}

/** The patterns of a service, one behind the other until one has matched; most lines match none, which is no failure. */
function renderPatterns(service: string): string {
  const patterns = linePatterns.filter((pattern) => pattern.service === service);
  const filters = patterns.map(({ match, add = {} }) => {
    const added = Object.entries({ ...add, "[@metadata][known]": "yes" });
    return `    if ![@metadata][known] {
    grok {
      match => { "message" => ${quoted(wholeLine(match))} }
${renderDefinitions(patternDefinitions)}
      overwrite => ["[sip][call_id]"]
      add_field => { ${added.map(([field, value]) => `"${field}" => "${value}"`).join(" ")} }
      tag_on_failure => []
    }
    }`;
  });
  return filters.join("\n");
}

function renderText(pattern: string): string {
  return `    grok {
      match => { "message" => ${quoted(wholeLine(pattern))} }
${renderDefinitions({ ...patternDefinitions, ...textDefinitions })}
      tag_on_failure => ["_not_parsed"]
    }
    if [@metadata][text] {
      mutate { rename => { "[@metadata][text]" => "message" } }
    }`;
}
