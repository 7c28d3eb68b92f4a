import { nistPasswords } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const noKnownDefaultCredential = containerRule<{ words: readonly string[] }>(
  {
    name: "no-known-default-credential",
    displayName: "No default credential",
    description:
      "No file, variable or argument holds a credential that a product ships with: those are the first ones that scanners try.",
    level: "mandatory",
    severity: "critical",
    framework: nistPasswords("3.1.1.2", "Compare passwords against a blocklist of known, common and default ones"),
    tags: ["docker", "secrets"],
    remediationSteps: "Generate the credential (RandomPassword) and mount it as a file.",
    settings: {
      words: {
        default: [
          "kamailiorw",
          "kamailioro",
          "sipcapture:sipcapture",
          "homerSeven",
          "changeme",
          "change_me",
          "admin:admin",
          "admin/admin",
          "company123KEY",
        ],
        schema: {
          type: "array",
          items: { type: "string", minLength: 5 },
          description: "Texts that betray a default credential.",
        },
      },
    },
  },
  (container, { words }, report) => {
    const holds = (text: string): boolean => words.some((word) => text.includes(word));
    for (const { key, value } of container.environment()) {
      if (holds(value)) report(`The environment variable ${key} holds a known default credential.`);
    }
    for (const list of ["command", "entrypoints"]) {
      if (container.props.aside.strings(list).items.some(holds))
        report(`An argument in ${list} holds a known default credential.`);
    }
    for (const { file, content } of container.uploads()) {
      if (typeof content === "string" && holds(content))
        report(`The file ${String(file)} holds a known default credential.`);
    }
  },
);
