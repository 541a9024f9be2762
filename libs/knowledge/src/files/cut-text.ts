import type { FilePiece } from './knowledge-file.js';

const PARAGRAPH_END = /\n[ \t]*\n+/;
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });
const words = new Intl.Segmenter('en', { granularity: 'word' });
const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });

const lengthOf = (text: string): number => {
  let length = 0;
  for (const _letter of text) length += 1;
  return length;
};

/**
 * Cuts a text into pieces of at most `most` code points: between paragraphs, where one is too long between sentences,
 * then between words, and only then within. Nothing but white space is lost.
 */
export function cutText(text: string, most: number): string[] {
  const tidy = text.replace(/\r\n?/g, '\n');
  return packed(tidy.split(PARAGRAPH_END), most, '\n\n', (paragraph) =>
    packed(segmentsOf(sentences, paragraph), most, '', (sentence) =>
      packed(segmentsOf(words, sentence), most, '', (word) =>
        packed(segmentsOf(letters, word), most, '', (letter) => lettersOf(letter, most)),
      ),
    ),
  );
}

/** Puts parts together as long as they fit; a part that is too long alone is cut further. */
function packed(parts: readonly string[], most: number, glue: string, cut: (part: string) => string[]): string[] {
  const pieces: string[] = [];
  let [piece, length] = ['', 0];
  const flush = (): void => {
    if (piece.trim() !== '') pieces.push(piece.trim());
    [piece, length] = ['', 0];
  };
  for (const part of parts) {
    if (glue !== '' && part.trim() === '') continue;
    const partLength = lengthOf(part);
    const joint = length === 0 ? 0 : glue.length;
    if (length + joint + partLength > most) flush();
    if (partLength > most) pieces.push(...cut(part));
    else [piece, length] = length === 0 ? [part, partLength] : [piece + glue + part, length + joint + partLength];
  }
  flush();
  return pieces;
}

const segmentsOf = (segmenter: Intl.Segmenter, text: string): string[] =>
  Array.from(segmenter.segment(text), ({ segment }) => segment);

/** A letter may be a base with thousands of marks. */
function lettersOf(letter: string, most: number): string[] {
  const points = [...letter];
  return Array.from({ length: Math.ceil(points.length / most) }, (_v, n) =>
    points.slice(n * most, (n + 1) * most).join(''),
  );
}

/** A row or item, and its number. */
export interface FileRecord {
  readonly text: string;
  readonly number: number;
}

/** Pieces of whole records, as many as fit; a record that is too long alone is cut. `names` are those of its first and last. */
export function packRecords(
  records: Iterable<FileRecord>,
  most: number,
  names: readonly [string, string],
): FilePiece[] {
  const pieces: FilePiece[] = [];
  let waiting: FileRecord[] = [];
  let length = 0;
  const place = (first: number, last: number): FilePiece['place'] => ({ [names[0]]: first, [names[1]]: last });
  const flush = (): void => {
    const [first, last] = [waiting[0], waiting.at(-1)];
    if (first && last) {
      pieces.push({ text: waiting.map(({ text }) => text).join('\n\n'), place: place(first.number, last.number) });
    }
    [waiting, length] = [[], 0];
  };
  for (const record of records) {
    const own = lengthOf(record.text);
    if (length + own + 2 > most) flush();
    if (own > most) {
      for (const text of cutText(record.text, most)) pieces.push({ text, place: place(record.number, record.number) });
    } else if (record.text.trim() !== '') {
      waiting.push(record);
      length += own + 2;
    }
  }
  flush();
  return pieces;
}
