/** How scanners and password guessers name themselves unless told otherwise; a filter against noise, no defence. */
export const scannerUserAgents = [
  "friendly-request",
  "friendly-scanner",
  "iWar",
  "Nmap",
  "pplsip",
  "sip-scan",
  "sipcli",
  "siparmyknife",
  "sipptk",
  "sipscan",
  "sipvicious",
  "smap",
  "sundayddr",
  "VaxIPUserAgent",
  "VaxSIPUserAgent",
  "voipscan",
] as const;

/** Found anywhere in a User-Agent. */
export const scannerPattern = "sipvicious|friendly-scanner";

/** Says what is wrong with a regular expression that the script is to use, or nothing. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === "") return "must not be empty: it would be found everywhere";
  // It stands in a quoted string of the script, and no "!" may be in a `substdef`.
  if (!/^[A-Za-z0-9 ._:/()|*+?^$[\]{},-]{1,256}$/.test(pattern)) {
    return "may only hold letters, digits, blanks and . _ : / ( ) | * + ? ^ $ [ ] { } , -, at most 256 of them";
  }
  try {
    return new RegExp(pattern).test("") ? "must not match an empty User-Agent" : undefined;
  } catch {
    return "must be a regular expression";
  }
}
