import { getDocumentProxy } from 'unpdf';
import { cutText } from '../cut-text.js';
import type { FilePiece } from '../knowledge-file.js';
import { Unreadable } from '../unreadable.js';
import { guardAllocations } from './guard-allocations.js';

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;
type Item = Awaited<ReturnType<Awaited<ReturnType<Pdf['getPage']>>['getTextContent']>>['items'][number];

/** What one stream of a PDF may unpack to. */
const MOST_UNPACKED_BYTES = 32 * 1024 * 1024;
/** Lines that stand farther apart than so many of their heights begin a paragraph. */
const PARAGRAPH_GAP = 1.6;

/**
 * The text of each page; pieces end with their page and name it. Only for a thread of its own, whose memory is limited:
 * it takes away what would unpack streams past the guard.
 * @throws Unreadable for what is broken, encrypted, has no text or unpacks to too much.
 */
export async function readPdf(bytes: Uint8Array, most: number): Promise<FilePiece[]> {
  const guard = guardAllocations(MOST_UNPACKED_BYTES);
  const tooLarge = (): Unreadable => new Unreadable('file_too_complex', 'The PDF unpacks to more than can be read');
  try {
    const pieces = await piecesOf(bytes, most);
    if (guard.exceeded) throw tooLarge();
    return pieces;
  } catch (error) {
    throw guard.exceeded ? tooLarge() : error;
  } finally {
    guard.end();
  }
}

async function piecesOf(bytes: Uint8Array, most: number): Promise<FilePiece[]> {
  const pdf = await opened(bytes);
  const pieces: FilePiece[] = [];
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    for (const text of cutText(textOf(items), most)) pieces.push({ text, place: { page: number } });
    page.cleanup();
  }
  if (pieces.length === 0) {
    throw new Unreadable('file_without_text', 'The PDF holds no text; if its pages are pictures, read them out first');
  }
  return pieces;
}

async function opened(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(bytes, { verbosity: 0, useSystemFonts: false, useWorkerFetch: false });
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException') {
      throw new Unreadable('file_encrypted', 'The PDF is encrypted; load it without its password protection');
    }
    throw new Unreadable('file_broken', 'The file is no PDF that can be read');
  }
}

function textOf(items: readonly Item[]): string {
  let text = '';
  let before: { y: number; height: number } | undefined;
  for (const item of items) {
    if (!('str' in item)) continue;
    const now = { y: Number(item.transform[5]), height: item.height || before?.height || 0 };
    if (item.str !== '') {
      if (before && text.endsWith('\n') && Math.abs(before.y - now.y) <= PARAGRAPH_GAP * now.height) {
        text = `${text.slice(0, -1)} `;
      } else if (text.endsWith('\n')) text += '\n';
      text += item.str;
      before = now;
    }
    if (item.hasEOL && !text.endsWith('\n')) text += '\n';
  }
  return text;
}
