/** Kamailio's own default configuration, as Debian packages it, with the features switched on that the edge has as well. */

/** Addresses that a configuration is fitted to. */
export interface BaselineSettings {
  address: string;
  domain: string;
  databaseUrl: string;
  /** Sources that the flood protection lets alone, as the edge's group `unlimited` does. */
  unlimited: readonly string[];
  /** Where calls go. */
  gateway: { address: string; port: number };
  rtpengine: { address: string; port: number };
}

const features = ["MYSQL", "AUTH", "USRLOCDB", "NAT", "RTPENGINE", "ANTIFLOOD", "ACCDB", "PSTN"];

/** `kamailio-local.cfg`, which the packaged file reads first: features, sockets, database. */
export function baselineLocal({ address, domain, databaseUrl }: BaselineSettings): string {
  return [
    ...features.map((name) => `#!define WITH_${name}`),
    `#!define DBURL "${databaseUrl}"`,
    `listen=udp:${address}:5060`,
    `alias="${domain}"`,
    "",
  ].join("\n");
}

/**
 * The packaged `kamailio.cfg` with what cannot be said in `kamailio-local.cfg`. Nothing else of it is touched.
 * @throws when a line that has to be changed is not in it, or twice.
 */
export function baselineScript(packaged: string, { unlimited, gateway, rtpengine }: BaselineSettings): string {
  const sources = ["src_ip!=myself", ...unlimited.map((source) => `src_ip!=${source}`)].join(" && ");
  const changes = [
    ['pstn.gw_ip = ""', `pstn.gw_ip = "${gateway.address}"`],
    ['pstn.gw_port = ""', `pstn.gw_port = "${gateway.port}"`],
    ['"udp:127.0.0.1:2223"', `"udp:${rtpengine.address}:${rtpengine.port}"`],
    ["if(src_ip!=myself) {", `if(${sources}) {`],
  ] as const;
  return changes.reduce((script, [from, to]) => {
    const parts = script.split(from);
    if (parts.length !== 2) throw new Error(`the packaged kamailio.cfg has ${parts.length - 1} times: ${from}`);
    return parts.join(to);
  }, packaged);
}

/** What WITH_ACCDB asks the operator to add to Kamailio's tables, and the rights that these tables need. */
export const baselineSql = (user: string): string =>
  ["acc", "missed_calls"]
    .flatMap((table) => [
      `ALTER TABLE ${table} ${["src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain"]
        .map((column) => `ADD COLUMN ${column} VARCHAR(64) NOT NULL DEFAULT ''`)
        .join(", ")};`,
      `GRANT INSERT, UPDATE, DELETE ON ${table} TO '${user}'@'%';`,
    ])
    .join("\n");
