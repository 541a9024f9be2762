import { readFileSync } from 'node:fs';
import { NumberBook } from './number-book.js';

/** A range no distribution, container engine or service manager gives out (systemd: 1879048192 and up is unused). */
const HIGH_RANGE = { first: 1_900_000_000, count: 1_000_000 };
/** Inside a user namespace that maps only the usual 65,536 ids. */
const NARROW_RANGE = { first: 40_000, count: 20_000 };

/** User ids for agents, one each; undefined when this worker is not root and can't change users. */
export function agentUsers(folder: string): NumberBook | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { first, count } = mapsHighIds() ? HIGH_RANGE : NARROW_RANGE;
  return new NumberBook(folder, first, count);
}

function mapsHighIds(): boolean {
  try {
    const map = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
    return map.some((line) => {
      const [inside = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
      return inside + length >= HIGH_RANGE.first + HIGH_RANGE.count;
    });
  } catch {
    return process.platform !== 'darwin';
  }
}
