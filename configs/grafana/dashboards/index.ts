import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { asterisk } from "./asterisk.ts";
import { calls } from "./calls.ts";
import { frontDoor } from "./front-door.ts";
import { hosts } from "./hosts.ts";
import { kamailio } from "./kamailio.ts";
import { overview } from "./overview.ts";
import { rtpengine } from "./rtpengine.ts";
import { security } from "./security.ts";

/**
 * All dashboards. `npm run generate` writes them down in `configs/grafana/static/dashboards`, from where the stack takes them: it starts
 * without the SDK.
 */
export const dashboards: readonly Dashboard[] = [
  overview,
  calls,
  security,
  kamailio,
  rtpengine,
  asterisk,
  hosts,
  frontDoor,
];
