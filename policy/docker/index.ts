import { PolicyPack } from "@pulumi/policy";
import { genericRules } from "../registry.ts";

// For any program that uses @pulumi/docker: the rules that need no labels, at their own levels.
new PolicyPack("docker-hardening", { policies: [...genericRules], enforcementLevel: "mandatory" });
