import { nistTls } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

export const kamailioConfigHardened = stackRule(
  {
    name: "kamailio-config-hardened",
    displayName: "Hardened SIP configuration",
    description:
      "Kamailio's script bans floods and refuses broken messages, its TLS starts at 1.2, and RTPengine learns addresses safely: these are the doors that SIP scanners try first.",
    level: "mandatory",
    severity: "critical",
    framework: nistTls("3.1", "Protocol version support (with floods, broken messages and media)"),
    tags: ["sip", "tls", "media", "production:tls"],
    remediationSteps: "Put back what is missing in configs/kamailio or configs/rtpengine.",
  },
  (stack, _settings, report) => {
    for (const container of stack.containers) {
      const texts = container
        .uploads()
        .map(({ content }) => content)
        .filter((content) => typeof content === "string");
      const script = texts
        .filter((text) => /^\s*loadmodule\s+"/m.test(text) || /^\s*(request_)?route\b.*\{/m.test(text))
        .map(withoutComments)
        .join("\n");
      const tell = (problem: string): void => report(problem, container.member);
      if (/^\s*loadmodule\s+"tm(\.so)?"/m.test(script)) judgeScript(script, tell);
      for (const text of texts.map(withoutComments)) {
        if (/^\s*\[(server|client):/m.test(text)) judgeTls(text, tell);
        if (/^\s*\[rtpengine\]/m.test(text)) judgeRtpengine(text, tell);
      }
    }
  },
);

type Tell = (problem: string) => void;

const REQUIRED: readonly (readonly [RegExp, string])[] = [
  [/\bpike_check_req\s*\(/, "Floods are not banned: pike_check_req is never called."],
  [/\$sht\(\w*ban\w*=>/, "Banned sources are not remembered: no htable of bans is used."],
  [/\bsanity_check\s*\(/, "Broken messages pass: sanity_check is never called."],
  [
    /modparam\(\s*"auth"\s*,\s*"secret"/,
    'Nonces can be guessed after a restart: the parameter "secret" of auth is not set.',
  ],
];

function judgeScript(script: string, tell: Tell): void {
  for (const [pattern, problem] of REQUIRED) if (!pattern.test(script)) tell(problem);
}

function judgeTls(text: string, tell: Tell): void {
  // Each section inherits nothing: Kamailio's own default is TLSv1 alone.
  for (const section of text.split(/^\s*(?=\[)/m).filter((part) => part.startsWith("["))) {
    const method = /^\s*method\s*=\s*(\S+)/m.exec(section)?.[1];
    const name = /^\[[^\]]*\]/.exec(section)?.[0] ?? "";
    if (!["TLSv1.2", "TLSv1.2+", "TLSv1.3", "TLSv1.3+"].includes(method ?? ""))
      tell(`The TLS section ${name} allows versions below 1.2.`);
  }
}

function judgeRtpengine(text: string, tell: Tell): void {
  const learning = /^\s*endpoint-learning\s*=\s*(\S+)/m.exec(text)?.[1];
  if (learning === "delayed" || learning === "immediate")
    tell(`RTPengine's endpoint learning "${learning}" lets a stranger take over a call's sound.`);
}

function withoutComments(text: string): string {
  // `#!define` and its kin are directives, not comments.
  return text.replace(/^\s*(#(?!!)|\/\/|;).*$/gm, "");
}
