import { flushCompileCache } from "node:module";
import { PolicyPack } from "@pulumi/policy";
import { prodConfig } from "./configuration.ts";
import { decodeOnce } from "./lib/decode-once.ts";
import { rules } from "./registry.ts";

decodeOnce();

// Constructing starts the server, so nothing else may import this file. Without --policy-pack-config a stack is judged as prod:
// forgetting the option can then only be too strict.
new PolicyPack("kamailio-sbc", { policies: [...rules], enforcementLevel: "mandatory" }, prodConfig(rules));

// With NODE_COMPILE_CACHE set the pack starts in half the time. The engine kills this process, so it must be written here.
flushCompileCache();
