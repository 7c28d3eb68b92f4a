import { audioSdp } from "../phone.ts";
import { run, registered, type Setting } from "../run.ts";

type Transport = "udp" | "tcp" | "tls";

interface Input extends Setting {
  calls: { caller: string; callee: string; from: Transport; to: Transport; padding: number }[];
  callerAudio: string;
  calleeAudio: string;
}

/** Calls with audio both ways, all at once, each end over its own transport, with `padding` bytes more in the INVITE. */
await run((input: Input) =>
  Promise.all(
    input.calls.map(async ({ caller, callee, from, to, padding }) => {
      const [one, other] = await Promise.all([
        registered(input, caller, { transport: from }),
        registered(input, callee, { transport: to }),
      ]);
      // As a video phone's: attributes that nobody understands and everybody has to carry.
      const attributes = Array.from({ length: Math.ceil(padding / 80) }, (_, index) =>
        `a=x-padding-${index}:`.padEnd(78, "x"),
      );
      const out = await one.call(callee, {
        sdp: (port) => [audioSdp(port).trimEnd(), ...attributes, ""].join("\r\n"),
      });
      const incoming = await other.called();
      incoming.reply(180);
      await out.take(180);
      await incoming.answer();
      const answer = await out.answered;
      out.rtp?.play(Buffer.from(input.callerAudio, "base64"));
      incoming.rtp?.play(Buffer.from(input.calleeAudio, "base64"));
      await Promise.all([out.rtp?.hear(25), incoming.rtp?.hear(25)]);
      const heard = await Promise.all([out.rtp?.hear(), incoming.rtp?.hear()]);
      const ended = await incoming.hangUp();
      await out.take("BYE");
      return { answer: answer.status, heard, ended: ended.status, size: out.invite.toString().length };
    }),
  ),
);
