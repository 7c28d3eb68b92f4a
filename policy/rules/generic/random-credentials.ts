import { UNKNOWN } from "../../lib/properties.ts";
import { nistPasswords } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

const PASSWORD = "random:index/randomPassword:RandomPassword";
/** Their outputs are not secret: they stand in state, outputs and previews in plain text. */
const NOT_SECRET = /^random:index\/random(String|Pet|Id|Integer|Shuffle|Uuid4?7?):/;
/** Properties of a container through which a credential would travel. */
const CARRIERS = ["envs", "uploads", "command", "entrypoints"];

export const randomCredentials = stackRule<{ length: number }>(
  {
    name: "random-credentials",
    displayName: "Generated credentials are long and secret",
    description:
      "A generated credential is a RandomPassword (or RandomBytes) of enough length: the other random resources keep their value in plain text in state and previews.",
    level: "mandatory",
    severity: "high",
    framework: nistPasswords("3.1.1.1", "Password length; secrets are kept confidential"),
    tags: ["random", "secrets"],
    remediationSteps: "Use RandomPassword with `length: 24` or more.",
    settings: {
      length: {
        default: 24,
        schema: { type: "integer", minimum: 16, description: "Least length of a RandomPassword." },
      },
    },
  },
  (stack, { length: least }, report) => {
    for (const password of stack.ofType(PASSWORD)) {
      const length = password.props.number("length");
      if (length !== UNKNOWN && !(Number(length) >= least))
        report(`The password has ${length ?? 0} characters, fewer than ${least}.`, password);
    }
    for (const { member } of stack.containers) {
      for (const carrier of CARRIERS) {
        for (const source of member.dependencies[carrier] ?? []) {
          if (NOT_SECRET.test(source.type))
            report(`Its ${carrier} are made from ${source.name}, whose value is not secret.`, member);
        }
      }
    }
  },
);
