/**
 * One kind of secret in a log line. Patterns keep to what Ruby's and JavaScript's regular expressions have in common (no look-behind,
 * no named groups; `(?i)` only in front), so that a test of them here says what Logstash does. In JSON lines a quote is written `\"`.
 */
export interface Mask {
  /** What it hides. */
  readonly what: string;
  /** Ruby's syntax. */
  readonly pattern: string;
  /** Ruby's syntax: `\1` is the first group. */
  readonly replacement: string;
}

const hidden = "[masked]";

/** In this order. None needs more than one pass over the line, however it is made. */
export const masks: readonly Mask[] = [
  {
    what: "proofs of a password in (Proxy-)Authorization: with them, realm, nonce and a dictionary it can be guessed",
    pattern: String.raw`(?i)\b(response|cnonce)(\s{0,3}=\s{0,3}\\?["']?)[A-Za-z0-9+/_=-]{6,}`,
    replacement: String.raw`\1\2${hidden}`,
  },
  {
    what: "bearer tokens and basic authentication",
    pattern: String.raw`(?i)\b(bearer|basic)\s{1,3}[A-Za-z0-9._~+/-]{8,}=*`,
    replacement: String.raw`\1 ${hidden}`,
  },
  {
    what: "signatures of phones, which can be the key itself",
    pattern: String.raw`(?i)\b(x-company-signature)(\\?["']?\s{0,3}:\s{0,3}\\?["']?)[^\s"'\\]{4,}`,
    replacement: String.raw`\1\2${hidden}`,
  },
  {
    what: "master keys of SRTP in SDP",
    pattern: String.raw`\b(inline:)[A-Za-z0-9+/=]{16,}`,
    replacement: String.raw`\1${hidden}`,
  },
  {
    what: "passwords in URLs of any scheme",
    pattern: String.raw`([A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@"'\\]{1,64}:)[^\s@"'\\/]{1,256}@`,
    replacement: String.raw`\1${hidden}@`,
  },
  {
    what: "passwords in SIP URIs",
    pattern: String.raw`(?i)\b(sips?:[^\s:@;<>"'\\]{1,64}:)[^\s@<>"'\\]{1,256}@`,
    replacement: String.raw`\1${hidden}@`,
  },
  {
    what: "values of what is named as a secret",
    pattern: String.raw`(?i)(password|passwd|passphrase|secret|token|api_?key)(\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?)(?!(?:yes|no|null|true|false)\b)[^\s"'\\,;&)]{3,}`,
    replacement: String.raw`\1\2${hidden}`,
  },
];
