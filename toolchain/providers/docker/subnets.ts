import { BlockList, isIP } from "node:net";

/** Whether two subnets in CIDR notation share an address. Subnets of different families never do. */
export function overlap(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}

function contains(outer: string, inner: string): boolean {
  const [outerAddress = "", outerBits = ""] = outer.split("/");
  const [innerAddress = ""] = inner.split("/");
  const family = isIP(outerAddress);
  if (family === 0 || family !== isIP(innerAddress)) return false;
  const list = new BlockList();
  list.addSubnet(outerAddress, Number(outerBits), family === 4 ? "ipv4" : "ipv6");
  return list.check(innerAddress, family === 4 ? "ipv4" : "ipv6");
}
