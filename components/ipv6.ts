import { isIPv6 } from "node:net";
import { parseCidr, type Cidr } from "./ipv4.ts";

/** A block of IPv6 addresses. */
export interface Cidr6 {
  /** First address as a number. */
  readonly first: bigint;
  /** Last address as a number. */
  readonly last: bigint;
  /** Length of the network prefix in bits. */
  readonly prefix: number;
}

/** The address as a number, or undefined when it is none (a zone such as `%eth0` makes it none). */
export function parseAddress6(text: string): bigint | undefined {
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // A URL's host is in canonical form, without dotted parts.
  const [head = "", tail = ""] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string) => part.split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => "0");
  return [...groups(head), ...zeros, ...groups(tail)].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** The number as an address in canonical form (RFC 5952). */
export function formatAddress6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (address >> BigInt(16 * (7 - index))) & 0xffffn);
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
}

/** The block of `fd00:5bc::/64`, or of any address in it; undefined when the text is none. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  const number = parseAddress6(address);
  if (number === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > 128 || rest.length > 0) return undefined;
  const prefix = Number(bits);
  const size = 1n << BigInt(128 - prefix);
  const first = number - (number % size);
  return { first, last: first + size - 1n, prefix };
}

/** The block in its canonical spelling, host bits zero. */
export function formatCidr6({ first, prefix }: Cidr6): string {
  return `${formatAddress6(first)}/${prefix}`;
}

/** The block of an address or network of either family, undefined when the text is neither. */
export function parseNetwork(text: string): Cidr | Cidr6 | undefined {
  if (text.includes(":")) return parseCidr6(text.includes("/") ? text : `${text}/128`);
  return parseCidr(text.includes("/") ? text : `${text}/32`);
}

/** Do two blocks share an address? Those of different families never do. */
export function overlapping(left: Cidr | Cidr6, right: Cidr | Cidr6): boolean {
  return typeof left.first === typeof right.first && left.first <= right.last && right.first <= left.last;
}

/** Is the address one that the internet routes (2000::/3, RFC 4291 §2.4)? */
export function isGlobal6(address: string): boolean {
  const number = parseAddress6(address);
  return number !== undefined && number >> 125n === 1n;
}
