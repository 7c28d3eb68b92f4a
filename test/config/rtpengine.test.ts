import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderRtpengineConfig, rtpengineRuntime, type RtpengineConfigArgs } from "../../configs/rtpengine/index.ts";
import { docker } from "../sip/docker.ts";
import { TestContainer } from "../support/container.ts";
import { ensureImage } from "../support/images.ts";

const modes: Record<string, RtpengineConfigArgs> = {
  "on a bridge network": { address: "127.0.0.4", publicAddress: "127.0.0.4" },
  "on the host's network": {
    address: "127.0.0.5",
    publicAddress: "203.0.113.7",
    coreAddress: "127.0.0.6",
    portMin: 40000,
    portMax: 40099,
    numThreads: 1,
  },
};

for (const [mode, args] of Object.entries(modes)) {
  describe(`RTPengine in our image, ${mode}`, () => {
    it("starts with nothing writable, offers both sides and ends cleanly", async () => {
      const { mounts, uid, memoryMb, command, healthcheck, graceSeconds } = rtpengineRuntime(args);
      await using rtpengine = TestContainer.start({
        role: "rtpengine",
        image: await ensureImage("rtpengine"),
        files: { [mounts.config]: renderRtpengineConfig(args) },
        command: ["/usr/bin/rtpengine", ...command],
        uid,
        memoryMb,
      });
      await rtpengine.healthy(healthcheck);

      const core = args.coreAddress ?? args.address;
      const get = `exec 3<>/dev/tcp/${core}/2225; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
      const metrics = (await rtpengine.exec(["bash", "-c", get])).stdout.toString("utf8");
      const ports = (args.portMax ?? 39999) - (args.portMin ?? 30000) + 1;
      assert.match(metrics, new RegExp(`rtpengine_ports\\{name="pub",address="${args.address}"\\} ${ports}`));
      assert.match(metrics, new RegExp(`rtpengine_ports\\{name="priv",address="${core}"\\} ${ports}`));
      assert.doesNotMatch(rtpengine.output, /ERR|CRIT|WARN/);

      await docker(["stop", "--time", String(graceSeconds), rtpengine.name]);
      assert.equal(await rtpengine.ended(), 0, rtpengine.output);
    });
  });
}
