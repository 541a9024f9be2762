import { type KeyObject, createHash, createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';

const KEY_BYTES = 32;
const MOST_CACHED = 64;
const derived = new Map<string, KeyObject>();

/** HKDF-SHA256: an independent 256-bit key for each purpose of one secret. Kept in memory, so hot paths may call it. */
export function deriveKey(secret: string, purpose: string): KeyObject {
  const name = `${purpose}\n${secret}`;
  const known = derived.get(name);
  if (known) return known;
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, 'rookery', purpose, KEY_BYTES)));
  if (derived.size >= MOST_CACHED) derived.clear();
  derived.set(name, key);
  return key;
}

/** SHA-256 of a text: how long random credentials are stored. */
export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares two secrets in time that does not depend on where they differ. */
export const sameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(sha256(given), sha256(expected));

/**
 * The bearer an agent's gateway accepts: the worker puts it in the agent's environment and the relay presents it.
 * It follows from agent and instance epoch, so nothing is stored and an earlier instance's token is worthless.
 */
export const gatewayToken = (jwtSecret: string, agentId: string, instanceEpoch: number): string =>
  createHmac('sha256', deriveKey(jwtSecret, 'gateway')).update(`${agentId}|${instanceEpoch}`).digest('base64url');
