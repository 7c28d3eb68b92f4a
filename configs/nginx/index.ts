import { hashSync } from "bcryptjs";
import type { FileMap } from "../files.ts";
import { httpHealthcheck } from "../health.ts";

/** A dashboard behind the front door. */
export interface Site {
  /** Its name in logs and in the realm of the password prompt. */
  readonly name: string;
  /** TCP port that it listens on in the container. */
  readonly port: number;
  /** Host name and port of the tool on monitoring_net; without one it is the landing page. */
  readonly upstream?: string;
  /**
   * How the tool's own log-in goes with the password of the front door, which browsers send in the same header:
   * - `none`: it has none; or it has one, and is not to see this password (Grafana would take it for its own, and refuse);
   * - `bearer`: its pages send `Authorization: Bearer` to `/api/`, which the tool itself checks; there the front door asks for nothing.
   */
  readonly login?: "none" | "bearer";
  /** The tool itself speaks TLS, with a certificate for its host name from the CA in `tools-ca.pem`. Default false. */
  readonly tls?: boolean;
}

/** What the front door's configuration depends on. A change of any value replaces the container. */
export interface NginxConfigArgs {
  /** What there is, the landing page among them. */
  readonly sites: readonly Site[];
  /** Address on monitoring_net: for health and statistics. */
  readonly address: string;
  /** Who may read the statistics: the exporter, there. */
  readonly exporter: string;
  /** `host:port` of Prometheus on monitoring_net, which the landing page asks which parts are up. */
  readonly prometheus: string;
}

/** What the front door checks passwords with. */
export interface NginxSecrets {
  readonly user: string;
  readonly password: string;
  /** 22 letters and digits that stay the same, so that the hash does. */
  readonly salt: string;
}

/** Port of health and statistics on monitoring_net. */
export const statusPort = 8080;

/** How the container has to be run. */
export const nginxRuntime = {
  uid: 4116,
  gid: 4116,
  mounts: {
    config: "/etc/nginx/conf",
    tls: "/etc/nginx/tls",
    secrets: "/etc/nginx/secrets",
    landing: "/srv/landing",
  },
  /** Process id, and bodies that are larger than a buffer. */
  tmpfs: { "/run/nginx": "uid=4116,gid=4116,mode=0750,size=64m" },
  healthcheck: httpHealthcheck(statusPort, "/healthz"),
  memoryMb: 96,
  graceSeconds: 10,
} as const;

/**
 * Cost of the password's hash. nginx computes it at every request, and a page of dashboards makes a hundred: cost 10 would take seconds of
 * processor time a page. With 190 bits of a generated password a slow hash protects nothing.
 */
const bcryptCost = "05";

/** The password file, for `/etc/nginx/secrets`. */
export function renderNginxSecrets({ user, password, salt }: NginxSecrets): FileMap {
  return { htpasswd: `${user}:${hashSync(password, `$2b$${bcryptCost}$${salt}`)}\n` };
}

/** The plain files, for `/etc/nginx/conf`. */
export function renderNginxConfig(args: NginxConfigArgs): FileMap {
  return {
    "nginx.conf": main(args),
    ...Object.fromEntries(args.sites.map((site) => [`site-${site.name}.conf`, siteFile(site, args)])),
    "forwarded.conf": forwarded,
    "proxy.conf": proxy,
  };
}

/** What a tool is told of a request. */
const forwarded = `# Grafana checks the origin against it.
proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Proto https;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
`;

const proxy = `# The front door's password is nobody else's business.
proxy_set_header Authorization "";
include forwarded.conf;
`;

function main({ address, exporter }: NginxConfigArgs): string {
  return `# The one way to the dashboards.
worker_processes 2;
error_log stderr warn;
pid /run/nginx/nginx.pid;

events {
  worker_connections 1024;
}

http {
  server_tokens off;
  default_type application/octet-stream;
  types {
    text/html html;
    text/css css;
    text/javascript js;
    application/json json;
    image/svg+xml svg;
  }
  client_body_temp_path /run/nginx/body;
  proxy_temp_path /run/nginx/proxy;
  fastcgi_temp_path /run/nginx/fastcgi;
  uwsgi_temp_path /run/nginx/uwsgi;
  scgi_temp_path /run/nginx/scgi;
  client_max_body_size 20m;

  # One JSON object a request; no header that carries a password, and no query: tools put tokens there.
  log_format json escape=json '{"time":"$time_iso8601","service":"nginx","client":"$remote_addr","user":"$remote_user","method":"$request_method",'
    '"host":"$http_host","port":"$server_port","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}';
  access_log /dev/stdout json;

  ssl_certificate /etc/nginx/tls/server.pem;
  ssl_certificate_key /etc/nginx/tls/server.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
  ssl_session_cache shared:tls:2m;
  ssl_session_tickets off;

  auth_basic_user_file /etc/nginx/secrets/htpasswd;
  # A wrong password is answered late, and one source may ask only so often.
  auth_delay 1s;
  limit_req_zone $binary_remote_addr zone=source:2m rate=50r/s;
  limit_req zone=source burst=400 nodelay;
  limit_req_status 429;

  # A tool that is replaced has its new address looked up; one that is down does not keep nginx from starting.
  resolver 127.0.0.11 valid=5s ipv6=off;
  proxy_http_version 1.1;
  proxy_read_timeout 300s;
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' '';
  }

  include site-*.conf;

  server {
    listen 127.0.0.1:${statusPort};
    listen ${address}:${statusPort};
    access_log off;
    auth_basic off;
    allow 127.0.0.1;
    allow ${exporter};
    deny all;
    location = /healthz {
      default_type text/plain;
      return 200 "up\\n";
    }
    location = /stub_status {
      stub_status;
    }
    location / {
      return 404;
    }
  }
}
`;
}

/** Sent with every answer, errors included. */
const headers = [
  'add_header Strict-Transport-Security "max-age=31536000" always;',
  'add_header X-Content-Type-Options "nosniff" always;',
  'add_header X-Frame-Options "SAMEORIGIN" always;',
  'add_header Referrer-Policy "same-origin" always;',
];

function siteFile(
  { name, port, upstream, login = "none", tls = false }: Site,
  { prometheus }: NginxConfigArgs,
): string {
  const body = upstream === undefined ? landing(prometheus) : tool(upstream, login, tls);
  const lines = [
    "server {",
    `  listen ${port} ssl;`,
    "  http2 on;",
    `  auth_basic "${name}";`,
    ...headers.map((header) => `  ${header}`),
    // Else the browser that was given http:// shows a page of nginx that says nothing.
    "  error_page 497 =301 https://$http_host$request_uri;",
    ...body.map((line) => `  ${line}`),
    "}",
    "",
  ];
  return lines.join("\n");
}

function tool(upstream: string, login: NonNullable<Site["login"]>, tls: boolean): string[] {
  const scheme = tls ? "https" : "http";
  const open = [
    "location /api/ {",
    "  # The tool's own log-in, whose token comes in the header of this password.",
    "  auth_basic off;",
    `  proxy_pass ${scheme}://$tool;`,
    "  include forwarded.conf;",
    "}",
  ];
  return [
    `set $tool ${upstream};`,
    ...(tls ? verified(upstream) : []),
    ...(login === "bearer" ? open : []),
    "location / {",
    `  proxy_pass ${scheme}://$tool;`,
    "  include proxy.conf;",
    "}",
  ];
}

/** Without these nginx would take any certificate. */
function verified(upstream: string): string[] {
  return [
    "proxy_ssl_trusted_certificate /etc/nginx/tls/tools-ca.pem;",
    "proxy_ssl_verify on;",
    `proxy_ssl_name ${upstream.replace(/:.*/, "")};`,
    "proxy_ssl_server_name on;",
  ];
}

function landing(prometheus: string): string[] {
  return [
    "root /srv/landing;",
    `set $prometheus ${prometheus};`,
    "add_header Content-Security-Policy \"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\" always;",
    "# Which parts are up: one question, and no other. A part that is asked through another tells of itself.",
    "location = /api/status {",
    "  limit_except GET { deny all; }",
    "  proxy_pass http://$prometheus/api/v1/query?query=probe_success%20or%20mysql_up%20or%20nginx_up%20or%20up;",
    "  include proxy.conf;",
    "}",
    "location / {",
    "  index index.html;",
    "  try_files $uri $uri/ =404;",
    "}",
  ];
}
