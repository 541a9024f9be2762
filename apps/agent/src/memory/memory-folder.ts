import { createHash } from 'node:crypto';

/** Turns without a peer: those of the operator. */
const OPERATOR = 'operator';

/**
 * The name of a peer's folder in `memory/`. A digest of the whole id: whatever characters it has, two peers never share one,
 * and it says nothing about who the peer is.
 */
export const memoryFolder = (peer: string): string =>
  peer === '' ? OPERATOR : `peer-${createHash('sha256').update(peer, 'utf16le').digest('hex').slice(0, 40)}`;
