import { type LineRule, MOST_A_FILE, READ, findingAt } from '../rule.js';
import type { Finding } from '../scan.types.js';
import type { Source } from '../source.js';

const PACKED_LINE = 1_000;
const INVISIBLE =
  /[\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180e}\u{200b}-\u{200f}\u{2060}-\u{2064}\u{2800}\u{3164}\u{feff}\u{ffa0}]/u;
/** Joins emoji, and letters of Persian, Arabic and Indic scripts. */
const HONEST_JOINER =
  /(?:[\p{Extended_Pictographic}\u{fe0f}\u{1f3fb}-\u{1f3ff}]\u{200d}(?=\p{Extended_Pictographic})|[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Sinhala}\p{M}][\u{200c}\u{200d}](?=[\p{L}\s]))/gu;

export const OBFUSCATION_RULES: readonly LineRule[] = [
  {
    rule: 'hidden-text',
    severity: 'critical',
    where: READ,
    // flags of England, Scotland and Wales are written with them
    pattern: /(?<![\u{1f3f4}\u{e0061}-\u{e007a}])[\u{e0000}-\u{e007f}]/u,
    message: 'Holds letters that models read and people cannot see',
  },
  {
    rule: 'bidirectional-text',
    severity: 'critical',
    where: ['code', 'comment', 'command', 'data'],
    pattern: /[\u202a-\u202e\u2066-\u2069]/,
    message: 'Shows code in another order than it is read in',
  },
  {
    rule: 'bidirectional-text',
    severity: 'high',
    where: ['prose'],
    pattern: /[\u202d\u202e]/,
    message: 'Shows text in another order than it is read in',
  },
  {
    rule: 'encoded-blob',
    severity: 'medium',
    where: ['code', 'command'],
    pattern: /["'`](?:[A-Za-z0-9+/_-]{240}|(?:[0-9a-f]{2}){120})/i,
    unless: /data:(?:image|font|audio)\//i,
    message: 'Holds a long encoded text, whose meaning nobody sees',
  },
  {
    rule: 'escaped-text',
    severity: 'high',
    where: ['code', 'command'],
    pattern:
      /(?:\\x[0-9a-f]{2}){24}|(?:\\u00[0-9a-f]{2}){16}|(?:\\[0-3][0-7]{2}){24}|(?:chr\(\d{1,3}\)\s{0,2}[+.]\s{0,2}){8}|fromCharCode\((?:\s{0,2}(?:0x)?[0-9a-f]{1,4}\s{0,2},){15}/i,
    message: 'Writes text as numbers, so that nobody can read it',
  },
  {
    rule: 'mixed-alphabets',
    severity: 'medium',
    where: ['code', 'command'],
    pattern: /[a-z][\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u03bf][a-z]/i,
    message: 'Has a letter of another alphabet inside a word, which looks the same and is another word',
  },
];

/** What a single pattern on a line cannot tell. */
export const obfuscationFindings = (source: Source): Finding[] => [
  ...invisible(source),
  ...packed(source),
  ...mangled(source),
];

function invisible(source: Source): Finding[] {
  const found: Finding[] = [];
  for (const line of source.lines) {
    if (found.length === MOST_A_FILE) break;
    if (found.at(-1)?.line === line.number) continue;
    const shown = line.text.replace(HONEST_JOINER, '').replace(/^\u{feff}/u, line.number === 1 ? '' : '\u{feff}');
    if (!INVISIBLE.test(shown)) continue;
    const severity = /[\u{200b}\u{2060}-\u{2064}\u{feff}\u{180e}]{4}/u.test(shown) ? 'critical' : 'high';
    const message = 'Holds invisible characters, which can hide words or split them';
    found.push(
      findingAt(source, line, { rule: 'invisible-characters', severity, message }, line.text.search(INVISIBLE)),
    );
  }
  return found;
}

/** A whole program on one line. Lines that hold data (lists, markup) have few of the signs that code has. */
function packed(source: Source): Finding[] {
  if (source.kind !== 'code') return [];
  const long = source.lines.find(
    ({ text }) => text.length >= PACKED_LINE && (text.match(/[;{}()=]/g)?.length ?? 0) > 60,
  );
  const message = 'Packs a program into one line, which people cannot review';
  return long ? [findingAt(source, long, { rule: 'packed-code', severity: 'medium', message })] : [];
}

/** Names and brackets as programs that make code unreadable leave them. */
function mangled(source: Source): Finding[] {
  const line = source.lines.find(({ text, where }) => where === 'code' && isMangled(text));
  const message = 'Was run through a program that makes code unreadable';
  return line ? [findingAt(source, line, { rule: 'mangled-names', severity: 'medium', message })] : [];
}

const isMangled = (text: string): boolean =>
  (text.match(/\b_0x[0-9a-f]{4,6}\b/gi)?.length ?? 0) >= 3 || /[[\]()!+]{60}/.test(text);
