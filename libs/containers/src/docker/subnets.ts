import { createHash } from 'node:crypto';
import { DomainError } from '#libs/kernel';

const BLOCK = 8;

/** A range of IPv4 addresses, both ends included. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

/** The three addresses of an agent's /29. */
export interface AgentSubnet {
  readonly cidr: string;
  readonly gateway: string;
  readonly edge: string;
  readonly agent: string;
}

/** @throws DomainError code `config` unless the text is an IPv4 network of at least a /29. */
export function parsePool(cidr: string): AddressRange {
  const range = parseCidr(cidr);
  if (range === undefined || range.last - range.first + 1 < BLOCK) {
    throw new DomainError(
      'validation',
      'config',
      `DOCKER_SUBNET_POOL must be an IPv4 network of /29 or larger, not "${cidr}"`,
    );
  }
  return range;
}

/** Undefined for anything but IPv4, so a listing may hold other networks too. */
export function parseCidr(cidr: string): AddressRange | undefined {
  const [, address = '', prefix = ''] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr) ?? [];
  const parts = address.split('.').map(Number);
  const bits = Number(prefix);
  if (address === '' || bits > 32 || parts.some((part) => part > 255)) return undefined;
  const size = 2 ** (32 - bits);
  const first = Math.floor(parts.reduce((sum, part) => sum * 256 + part, 0) / size) * size;
  return { first, last: first + size - 1 };
}

/** The addresses inside a /29 of ours. The first one would be the bridge's own, were it not inhibited. */
export function subnetAt(first: number): AgentSubnet {
  return { cidr: `${dotted(first)}/29`, gateway: dotted(first + 1), edge: dotted(first + 2), agent: dotted(first + 3) };
}

/**
 * Free /29 blocks of the pool, beginning at a place the agent's id decides: two workers that make a network for the same
 * agent try the same block, and the engine lets only one have it.
 */
export function* freeBlocks(pool: AddressRange, taken: readonly AddressRange[], agentId: string): Generator<number> {
  const blocks = Math.floor((pool.last - pool.first + 1) / BLOCK);
  const offset = createHash('sha256').update(agentId).digest().readUInt32BE(0);
  for (let step = 0; step < blocks; step++) {
    const first = pool.first + ((offset + step) % blocks) * BLOCK;
    if (!taken.some((range) => range.first <= first + BLOCK - 1 && range.last >= first)) yield first;
  }
}

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
