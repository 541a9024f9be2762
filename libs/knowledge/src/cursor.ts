import { wrongCursor } from './knowledge.errors.js';

/** Opaque to clients: the base it belongs to and the last number that was read. */
export const cursorOf = (baseId: string, seq: number): string => Buffer.from(`${baseId}:${seq}`).toString('base64url');

/** The number after which to go on. @throws DomainError `validation` for a cursor of another list, or none. */
export function readCursor(cursor: string, baseId: string | undefined): number {
  const [base, seq, ...rest] = Buffer.from(cursor, 'base64url').toString('latin1').split(':');
  const isOurs = base === baseId && rest.length === 0 && /^\d{1,9}$/.test(seq ?? '');
  if (!isOurs) throw wrongCursor();
  return Number(seq);
}
