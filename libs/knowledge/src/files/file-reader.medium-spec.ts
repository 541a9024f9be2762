import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { drawn, encryptedPdf, pdf } from '#libs/testing';
import { FileReader } from './file-reader.js';
import type { FileFormat, FilePiece } from './knowledge-file.js';

const reader = new FileReader();
const never = new AbortController().signal;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const read = (format: FileFormat, content: Uint8Array, signal = never, bounds = {}): Promise<FilePiece[]> =>
  reader.read({ format, content, chunkSize: 1_500, charset: undefined }, signal, {
    seconds: 60,
    heapMb: 256,
    ...bounds,
  });

describe('the thread that reads a file', () => {
  it('gives the pieces of a PDF page by page, lines joined and paragraphs apart', async () => {
    const file = pdf([
      drawn([700, 'Invoices are sent'], [686, 'on the first day.'], [640, 'Refunds take a week.']),
      drawn([700, 'Second page.']),
    ]);
    expect(await read('pdf', file)).toEqual([
      { text: 'Invoices are sent on the first day.\n\nRefunds take a week.', place: { page: 1 } },
      { text: 'Second page.', place: { page: 2 } },
    ]);
  });

  it.each<[string, () => Uint8Array, string, RegExp]>([
    ['cut off at its start', () => bytes('%PDF-1.7 and nothing more'), 'file_broken', /no PDF/],
    ['a text', () => bytes('Hello'), 'file_broken', /no PDF/],
    ['cut off', () => pdf([drawn([700, 'Text'])]).slice(0, 60), 'file_broken', /no PDF/],
    ['encrypted', () => encryptedPdf(), 'file_encrypted', /encrypted/],
    ['pictures only', () => pdf([deflateSync('0 0 10 10 re f')]), 'file_without_text', /no text/],
    ['a bomb', () => pdf([deflateSync(Buffer.alloc(100 * 1024 * 1024, 32))]), 'file_too_complex', /unpacks/],
  ])('refuses a PDF that is %s', async (_case, file, code, message) => {
    await expect(read('pdf', file())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('refuses what takes too much memory, and reads on', async () => {
    const commas = Buffer.alloc(9 * 1024 * 1024, ',');
    for (let at = 40_000; at < commas.length; at += 40_000) commas[at] = 10;
    await expect(read('csv', commas, never, { heapMb: 32 })).rejects.toMatchObject({ code: 'file_too_complex' });
    expect(await read('txt', bytes('Still here'))).toEqual([{ text: 'Still here', place: {} }]);
  });

  it('refuses what takes too long, and stops when nobody waits any more', async () => {
    const long = bytes('word '.repeat(2_000_000));
    await expect(read('txt', long, never, { seconds: 0.2 })).rejects.toMatchObject({ code: 'file_too_complex' });
    const gone = new AbortController();
    const reading = read('txt', long, gone.signal);
    gone.abort(new Error('nobody waits'));
    await expect(reading).rejects.toThrow('nobody waits');
    await expect(read('txt', long, gone.signal)).rejects.toThrow('nobody waits');
  });
});
