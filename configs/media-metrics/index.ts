import type { FileMap } from "../files.ts";
import { httpHealthcheck } from "../health.ts";

/** What the tools of the monitoring plane may see of sbc_net. A change replaces the container. */
export interface MediaMetricsArgs {
  /** Address on monitoring_net. */
  readonly address: string;
  /** Who may read the metrics, there. */
  readonly prometheus: string;
  /** Who may look at the edge's sockets, there. */
  readonly prober: string;
  /** HTTP listeners of the media relays, as seen from sbc_net. */
  readonly relays: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  /** The edge's sockets on sbc_net. */
  readonly edge: { readonly address: string; readonly tcp: number; readonly tls: number };
}

/** TCP port of the metrics on monitoring_net. */
export const mediaMetricsPort = 9200;
/** TCP ports that lead to the edge's sockets. */
export const probePorts = { tcp: 5060, tls: 5061 } as const;

/** How the container has to be run: the image of nginx. */
export const mediaMetricsRuntime = {
  uid: 4116,
  gid: 4116,
  command: [],
  mounts: { config: "/etc/nginx/conf" },
  tmpfs: { "/run/nginx": "uid=4116,gid=4116,mode=0750,size=4m" },
  healthcheck: httpHealthcheck(mediaMetricsPort, "/healthz"),
  memoryMb: 64,
  graceSeconds: 10,
} as const;

/**
 * The plain files, for `/etc/nginx/conf`. RTPengine's HTTP port is full control without a password, so it is not on monitoring_net: of each,
 * this lets nothing through but `GET /metrics`, and that for Prometheus alone.
 */
export function renderMediaMetricsConfig({ address, prometheus, prober, relays, edge }: MediaMetricsArgs): FileMap {
  const conf = `# Generated: the only way from the tools on monitoring_net to what is on sbc_net.
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1;
error_log stderr warn;
pid /run/nginx/nginx.pid;

events {
  worker_connections 256;
}

http {
  server_tokens off;
  access_log off;
  client_body_temp_path /run/nginx/body;
  proxy_temp_path /run/nginx/proxy;
  fastcgi_temp_path /run/nginx/fastcgi;
  uwsgi_temp_path /run/nginx/uwsgi;
  scgi_temp_path /run/nginx/scgi;
  client_max_body_size 1k;
  proxy_connect_timeout 2s;
  proxy_read_timeout 5s;

  server {
    listen 127.0.0.1:${mediaMetricsPort};
    location = /healthz {
      return 200;
    }
    location / {
      return 404;
    }
  }

  server {
    listen ${address}:${mediaMetricsPort};
    allow ${prometheus};
    deny all;
${relays.map(relay).join("\n")}
    location / {
      return 404;
    }
  }
}

stream {
  allow ${prober};
  deny all;
  proxy_connect_timeout 2s;
  proxy_timeout 10s;

  # The sockets that phones use, for SIP's OPTIONS and the end of the certificate.
  server {
    listen ${address}:${probePorts.tcp};
    proxy_pass ${edge.address}:${edge.tcp};
  }
  server {
    listen ${address}:${probePorts.tls};
    proxy_pass ${edge.address}:${edge.tls};
  }
}
`;
  return { "nginx.conf": conf };
}

function relay({ name, address, port }: MediaMetricsArgs["relays"][number]): string {
  return `    location = /${name}/metrics {
      limit_except GET {
        deny all;
      }
      proxy_pass_request_headers off;
      proxy_pass_request_body off;
      proxy_set_header Connection close;
      proxy_pass http://${address}:${port}/metrics;
    }`;
}
