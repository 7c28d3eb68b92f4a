/** A block of IPv4 addresses. */
export interface Cidr {
  /** First address as a number. */
  readonly first: number;
  /** Last address as a number. */
  readonly last: number;
  /** Length of the network prefix in bits. */
  readonly prefix: number;
}

/** The address as a number, or undefined when it is none in plain dotted form. */
export function parseAddress(text: string): number | undefined {
  if (!/^(\d{1,3})(\.\d{1,3}){3}$/.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  // "010" would be eight to some programs and ten to others.
  if (octets.some((octet) => octet > 255) || octets.join(".") !== text) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** The number as a dotted address. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** The block of `10.5.0.0/24`, or of any address in it; undefined when the text is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  const number = parseAddress(address);
  if (number === undefined || !/^\d{1,2}$/.test(bits) || rest.length > 0) return undefined;
  const prefix = Number(bits);
  if (prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** The block in its canonical spelling, host bits zero. */
export function formatCidr({ first, prefix }: Cidr): string {
  return `${formatAddress(first)}/${prefix}`;
}

/** Do two blocks share an address? */
export function overlap(left: Cidr, right: Cidr): boolean {
  return left.first <= right.last && right.first <= left.last;
}

/** Blocks whose addresses nobody on the internet can reach: RFC 1918, RFC 6598, RFC 1122 §3.2.1.3, RFC 3927, RFC 5771. */
const unreachable = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"]
  .concat(["192.168.0.0/16", "224.0.0.0/3"])
  .flatMap((text) => parseCidr(text) ?? []);

/** Can phones on the internet not reach this address? */
export function isPrivate(address: string): boolean {
  const number = parseAddress(address);
  return number === undefined || unreachable.some(({ first, last }) => number >= first && number <= last);
}
