import { type ChainPoint, canonicalJson } from '../sealing/chain.js';
import type { AuditKey, Verifier } from './audit-key.js';

/** What is signed: where a chain stood (`head`), or up to where retention deleted it (`anchor`). One line of a file. */
export interface Statement {
  readonly kind: 'head' | 'anchor';
  readonly org: string;
  readonly seq: number;
  /** Hex. */
  readonly hash: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Id of the key. */
  readonly key: string;
  /** Base64url, over the canonical JSON of all the rest. */
  readonly signature: string;
}

export function signedStatement(
  key: AuditKey,
  kind: Statement['kind'],
  org: string,
  point: ChainPoint,
  at: Date,
): Statement {
  const said = { kind, org, seq: point.seq, hash: point.hash.toString('hex'), time: at.toISOString(), key: key.id };
  return { ...said, signature: key.sign(canonicalJson(said)) };
}

/** The statement in a parsed line; undefined when it is none. */
export function asStatement(value: unknown): Statement | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, org, seq, hash, time, key, signature } = value as Record<string, unknown>;
  const texts = [org, hash, time, key, signature].every((text) => typeof text === 'string');
  return texts && (kind === 'head' || kind === 'anchor') && Number.isSafeInteger(seq)
    ? (value as Statement)
    : undefined;
}

/** `unknown`: signed by a key that none of the verifiers is. */
export function judge(statement: Statement, verifiers: readonly Verifier[]): 'good' | 'forged' | 'unknown' {
  const { kind, org, seq, hash, time, key, signature } = statement;
  const verifier = verifiers.find(({ id }) => id === key);
  if (!verifier) return 'unknown';
  return verifier.verify(canonicalJson({ kind, org, seq, hash, time, key }), signature) ? 'good' : 'forged';
}
