import { FILE_MAX_CHUNKS, type FileFormat, type FilePiece } from './knowledge-file.js';
import { readCsv } from './readers/csv.js';
import { decodeText } from './readers/decode-text.js';
import { readHtml } from './readers/html.js';
import { readJson } from './readers/json.js';
import { readMarkdown } from './readers/markdown.js';
import { readPdf } from './readers/pdf.js';
import { cutText } from './cut-text.js';
import { Unreadable } from './unreadable.js';

export interface FileToRead {
  readonly format: FileFormat;
  readonly content: Uint8Array;
  readonly charset: string | undefined;
  /** Characters a piece has at most. */
  readonly chunkSize: number;
}

const TEXTS: Readonly<Record<Exclude<FileFormat, 'pdf'>, (text: string, most: number) => FilePiece[]>> = {
  md: readMarkdown,
  txt: (text, most) => cutText(text, most).map((piece) => ({ text: piece, place: {} })),
  csv: readCsv,
  json: readJson,
  html: readHtml,
};

/** What a text that is stored can't hold: escapes of JSON, and fonts of a PDF without a map to characters, leave it behind. */
const NOISE = /[\0-\x08\x0e-\x1f\x7f]/g;
const HALF = /\p{Surrogate}/gu;

/**
 * The pieces of a file, the same ones each time.
 * @throws Unreadable saying why there are none.
 */
export async function readFile({ format, content, charset, chunkSize }: FileToRead): Promise<FilePiece[]> {
  const found =
    format === 'pdf'
      ? await readPdf(content, chunkSize)
      : TEXTS[format](decodeText(content, charset, format === 'html'), chunkSize);
  const pieces = found.map(cleaned).filter(({ text }) => text !== '');
  if (pieces.length === 0) throw new Unreadable('file_without_text', 'The file holds no text');
  if (pieces.length > FILE_MAX_CHUNKS) {
    throw new Unreadable('file_too_large', `The file has more than ${FILE_MAX_CHUNKS} pieces; load it in parts`);
  }
  return pieces;
}

const cleaned = ({ text, place }: FilePiece): FilePiece => ({
  text: clean(text).trim(),
  place: Object.fromEntries(
    Object.entries(place).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  ),
});

const clean = (text: string): string => text.replace(NOISE, '').replace(HALF, '\ufffd');
