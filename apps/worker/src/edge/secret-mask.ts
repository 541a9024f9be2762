import { Transform } from 'node:stream';

/** What is shorter could be any part of an answer. */
const SHORTEST = 8;
const MASK = '[secret]';

/**
 * Blanks secrets in what passes, also where one is split between pieces. Nothing is held back but an end that may be the
 * beginning of a secret. Undefined when there is nothing to look for.
 */
export function secretMask(secrets: readonly string[]): Transform | undefined {
  const patterns = [...new Set(secrets.flatMap(spellings))].sort((a, b) => b.length - a.length);
  if (patterns.length === 0) return undefined;
  let held = '';
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      const text = masked(held + bytes.toString('latin1'), patterns);
      const from = text.length - openEnd(text, patterns);
      held = text.slice(from);
      done(null, Buffer.from(text.slice(0, from), 'latin1'));
    },
    flush(done) {
      done(null, Buffer.from(held, 'latin1'));
    },
  });
}

/** Byte for byte, as it is and as JSON writes it. */
const spellings = (secret: string): string[] =>
  secret.length < SHORTEST
    ? []
    : [secret, JSON.stringify(secret).slice(1, -1)].map((text) => Buffer.from(text, 'utf8').toString('latin1'));

const masked = (text: string, patterns: readonly string[]): string =>
  patterns.reduce((left, pattern) => left.replaceAll(pattern, MASK), text);

/** Length of the longest end of `text` that a pattern begins with. */
function openEnd(text: string, patterns: readonly string[]): number {
  const most = Math.min(text.length, (patterns[0]?.length ?? 1) - 1);
  for (let length = most; length > 0; length -= 1) {
    const end = text.slice(-length);
    if (patterns.some((pattern) => pattern.length > length && pattern.startsWith(end))) return length;
  }
  return 0;
}
