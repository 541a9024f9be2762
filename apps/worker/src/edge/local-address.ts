import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';

type Interfaces = ReturnType<typeof networkInterfaces>;

/** Interfaces are read again after this time, or at once when none fits. */
const FRESH_MS = 1_000;

/**
 * Finds the edge's own address in the network of an agent. A relay that binds to it never reaches an agent by another
 * way, and never reuses a connection made before the edge was (or after it no longer is) a member of that network.
 */
export class LocalAddresses {
  private networks: { readonly address: string; readonly members: BlockList }[] = [];
  private readAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly read: () => Interfaces = networkInterfaces,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Undefined when no interface is in one network with `host`, an IPv4 address. */
  towards(host: string): string | undefined {
    if (this.nowMs() - this.readAtMs < FRESH_MS) {
      const known = this.find(host);
      if (known !== undefined) return known;
    }
    this.refresh();
    return this.find(host);
  }

  private find(host: string): string | undefined {
    return this.networks.find(({ members }) => members.check(host, 'ipv4'))?.address;
  }

  private refresh(): void {
    const own = Object.values(this.read()).flatMap((addresses) => addresses ?? []);
    this.networks = own
      .filter(({ family, cidr }) => family === 'IPv4' && cidr !== null)
      .map(({ address, cidr }) => {
        const members = new BlockList();
        members.addSubnet(address, Number(cidr?.split('/')[1]), 'ipv4');
        return { address, members };
      });
    this.readAtMs = this.nowMs();
  }
}
