import { Unreadable } from '../unreadable.js';

const MARKS: readonly (readonly [string, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];
const DECLARATION_BYTES = 1_024;
const DECLARED = /<meta[^>]+charset\s*=\s*["']?\s*([a-z0-9_:-]+)/i;
/** What no text has; form feeds, tabs and line ends it may. */
const BINARY = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;

/**
 * The text of a file: by its byte order mark, else by the charset that was named, else by what its HTML declares, else as
 * UTF-8. Nothing is guessed.
 * @throws Unreadable `file_encoding`.
 */
export function decodeText(bytes: Uint8Array, charset?: string, isHtml = false): string {
  const mark = MARKS.find(([, sign]) => sign.every((byte, at) => bytes[at] === byte))?.[0];
  const label = mark ?? charset ?? (isHtml ? declaredIn(bytes) : undefined) ?? 'utf-8';
  const text = decoded(bytes, label);
  if (BINARY.test(text)) {
    throw new Unreadable('file_encoding', `The file is no text in ${label}; name its charset, or its format`);
  }
  return text;
}

function decoded(bytes: Uint8Array, label: string): string {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    const way = label === 'utf-8' ? 'save it as UTF-8, or name its charset' : 'name the charset it is in';
    throw new Unreadable('file_encoding', `The file is no text in ${label}; ${way}`);
  }
}

function declaredIn(bytes: Uint8Array): string | undefined {
  const label = DECLARED.exec(Buffer.from(bytes.subarray(0, DECLARATION_BYTES)).toString('latin1'))?.[1];
  return label !== undefined && isCharset(label) ? label : undefined;
}

/** Whether texts in it can be decoded. */
export function isCharset(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}
