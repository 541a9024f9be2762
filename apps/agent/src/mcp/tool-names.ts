import { createHash } from 'node:crypto';

const MAX_NAME = 64;
const DIGEST = 8;

/** `<server>_<tool>` within what every provider takes: up to 64 letters, digits, `_` and `-`, no digit first. */
export function toolName(server: string, tool: string): string {
  const whole = `${server}_${tool}`;
  const plain = whole.replace(/[^A-Za-z0-9_-]/g, '_').replace(/^(?=[0-9-])/, '_');
  if (plain.length <= MAX_NAME && plain.replace(/^_/, '') === whole.replace(/^_/, '')) return plain;
  // Two tools must not become one by what was replaced or cut.
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, DIGEST);
  return `${plain.slice(0, MAX_NAME - DIGEST - 1)}_${digest}`;
}
