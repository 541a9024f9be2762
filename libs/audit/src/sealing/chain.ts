import { createHash } from 'node:crypto';

/** A row as it is hashed. `at` has microseconds: `2026-01-15T10:30:00.000000Z`. */
export interface ChainedEvent {
  readonly id: string;
  readonly orgId: string;
  readonly at: string;
  readonly type: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly result: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A place in an organisation's chain: how many rows up to here, and what they hash to. */
export interface ChainPoint {
  readonly seq: number;
  readonly hash: Buffer;
}

/** Where every chain begins. */
export const GENESIS: ChainPoint = { seq: 0, hash: Buffer.alloc(32) };

/** JSON with sorted keys and no spaces: one text for one value, in any language. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`).join(',')}}`;
}

/** The next point: SHA-256 over the former hash and the row's canonical JSON with its place. */
export function nextPoint(former: ChainPoint, event: ChainedEvent): ChainPoint {
  const seq = former.seq + 1;
  const { id, orgId, at, type, subject, action, resource, result, reason, metadata } = event;
  const text = canonicalJson({ seq, id, orgId, at, type, subject, action, resource, result, reason, metadata });
  return { seq, hash: createHash('sha256').update(former.hash).update(text, 'utf8').digest() };
}
