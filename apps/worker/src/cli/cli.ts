import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Fires when the command is asked to end. */
export function closingSignal(): AbortSignal {
  const closing = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => closing.abort(new Error('broken off')));
  return closing.signal;
}

/** Of Rookery, as its package says. */
export function versionOf(): string {
  const text = readFileSync(join(import.meta.dirname, '../../../../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
