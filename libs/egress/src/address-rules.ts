import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** Answers instance metadata on one cloud, although it lies in a public range. */
const METADATA = new Set(['168.63.129.16']);
const GLOBAL_UNICAST_V6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** Which addresses may be connected to for a tenant: public ones, and those in networks that the operator opened. */
export class AddressRules {
  private readonly opened: readonly Network[];

  /** @param allowed networks (`10.1.0.0/16`, `fd00::/8`) or single addresses. @throws Error when one is malformed. */
  constructor(allowed: readonly string[]) {
    this.opened = allowed.map(toNetwork);
  }

  /** False for everything that is no IP address. */
  allows(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.parse(address);
    return isPublic(parsed) || this.opened.some((network) => contains(network, parsed));
  }
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || METADATA.has(address.toString())) return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST_V6);
}

function contains([network, bits]: Network, address: Address): boolean {
  if (network instanceof ipaddr.IPv4 && address instanceof ipaddr.IPv4) return address.match(network, bits);
  if (network instanceof ipaddr.IPv6 && address instanceof ipaddr.IPv6) return address.match(network, bits);
  return false;
}

function toNetwork(text: string): Network {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address instanceof ipaddr.IPv4 ? 32 : 128];
}
