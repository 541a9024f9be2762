import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutText } from './cut-text.js';
import { type FileFormat, type FilePiece, formatOfName } from './knowledge-file.js';
import { readFile } from './read-file.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (
  format: FileFormat,
  content: string | Uint8Array,
  chunkSize = 1_500,
  charset?: string,
): Promise<FilePiece[]> =>
  readFile({ format, content: typeof content === 'string' ? bytes(content) : content, chunkSize, charset });

const refused = (code: string, message: RegExp): object => ({ code, message: expect.stringMatching(message) });

describe('cutting a text', () => {
  it('loses nothing but white space and makes no piece longer than asked', () => {
    const text = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.lorem(), fc.constantFrom('\n\n', '\n', '\r\n', '. ', '  ', '😀😀')),
      { maxLength: 60 },
    );
    const bare = (parts: readonly string[]): string => parts.join('').replace(/\s/g, '');
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 120 }), (parts, most) => {
        const pieces = cutText(parts.join(''), most);
        expect(bare(pieces)).toBe(bare(parts));
        for (const piece of pieces) {
          expect([...piece].length).toBeLessThanOrEqual(most);
          expect(piece.trim()).toBe(piece);
          expect(piece).not.toBe('');
        }
      }),
    );
  });

  it('cuts between paragraphs, where they are too long between sentences, and within words only at last', () => {
    const one = 'Agents run in containers. Swarms share what they know.';
    expect(cutText(`${one}\n\nShort.\n\nAlso short.`, 60)).toEqual([one, 'Short.\n\nAlso short.']);
    expect(cutText(one, 30)).toEqual(['Agents run in containers.', 'Swarms share what they know.']);
    expect(cutText('one two three', 8)).toEqual(['one two', 'three']);
    expect(cutText('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)]);
    expect(cutText('👩‍👩‍👧'.repeat(3), 5)).toEqual(['👩‍👩‍👧', '👩‍👩‍👧', '👩‍👩‍👧']);
  });
});

describe('the format of a name', () => {
  it.each<[string, string | undefined]>([
    ['a.md', 'md'],
    ['docs/Intro.MARKDOWN', 'md'],
    ['a.b.tsv', 'csv'],
    ['index.htm', 'html'],
    ['paper.PDF', 'pdf'],
    ['a.exe', undefined],
    ['pdf', undefined],
    ['', undefined],
  ])('of %j is %s', (name, format) => expect(formatOfName(name)).toBe(format));
});

describe('markdown', () => {
  it('becomes sections that know their headings, and headings in code are none', async () => {
    const text = '# Install\n\n## Linux ##\n\nUse apt.\n\n```sh\n# not a heading\n```\n\n# Use\n\nStart it.';
    expect(await read('md', text)).toEqual([
      {
        text: '# Install\n\n## Linux ##\n\nUse apt.\n\n```sh\n# not a heading\n```',
        place: { heading: 'Install > Linux' },
      },
      { text: '# Use\n\nStart it.', place: { heading: 'Use' } },
    ]);
  });

  it('takes lines that look like endless headings', async () => {
    const pieces = await read(
      'md',
      `# ${'#'.repeat(200_000)}x\n\n# ${' '.repeat(200_000)}\n\n${'# '.repeat(100_000)}`,
      4_000,
    );
    expect(pieces.length).toBeGreaterThan(50);
  });
});

describe('text', () => {
  it('is read in what it says it is in', async () => {
    const utf16 = new Uint8Array(Buffer.from('\ufeffGrüße', 'utf16le'));
    expect(await read('txt', utf16)).toEqual([{ text: 'Grüße', place: {} }]);
    expect(await read('txt', `\ufeffGrüße`)).toEqual([{ text: 'Grüße', place: {} }]);
    const latin = new Uint8Array(Buffer.from('Grüße', 'latin1'));
    expect(await read('txt', latin, 100, 'windows-1252')).toEqual([{ text: 'Grüße', place: {} }]);
  });

  it.each<[string, Uint8Array, string | undefined, RegExp]>([
    [
      'Latin 1 that does not say so',
      new Uint8Array(Buffer.from('Grüße', 'latin1')),
      undefined,
      /no text in utf-8.*charset/,
    ],
    ['UTF-16 without a mark', new Uint8Array(Buffer.from('Hello', 'utf16le')), undefined, /no text in utf-8/],
    ['a picture', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), undefined, /no text/],
    ['a program', bytes('\u007fELF\u0002\u0001\u0001\0'), undefined, /no text/],
    ['text that is not in the charset that was named', Uint8Array.from([0xff, 0xff, 0xff]), 'shift_jis', /shift_jis/],
  ])('is refused as %s', async (_case, content, charset, message) => {
    await expect(read('txt', content, 100, charset)).rejects.toMatchObject(refused('file_encoding', message));
  });

  it.each(['', ' \n\t\n ', '\u200b'.slice(1)])('is refused when it is %j', async (content) => {
    await expect(read('txt', content)).rejects.toMatchObject(refused('file_without_text', /no text/));
  });

  it('is refused when it becomes too many pieces', async () => {
    await expect(read('txt', 'word '.repeat(500_000), 200)).rejects.toMatchObject(refused('file_too_large', /10000/));
  });
});

describe('CSV', () => {
  it('becomes whole rows under their names, with their numbers', async () => {
    const text = '\ufeffname;price\r\n"Chair; oak";12\r\n\r\nTable;40\r\nLamp;';
    expect(await read('csv', text, 200)).toEqual([
      {
        text: 'name: Chair; oak\nprice: 12\n\nname: Table\nprice: 40\n\nname: Lamp',
        place: { firstRow: 2, lastRow: 4 },
      },
    ]);
    expect((await read('csv', text, 40)).map(({ place }) => place)).toEqual([
      { firstRow: 2, lastRow: 2 },
      { firstRow: 3, lastRow: 4 },
    ]);
  });

  it('has no names when its first row holds numbers or gaps, and cuts a row that is too long', async () => {
    expect(await read('csv', '1,one\n2,two')).toEqual([
      { text: '1 | one\n\n2 | two', place: { firstRow: 1, lastRow: 2 } },
    ]);
    const long = await read('csv', `a,b\nshort,x\n${'word '.repeat(100)},y`, 200);
    expect(long.map(({ place }) => place.firstRow)).toEqual([2, 3, 3, 3, 3]);
  });

  it.each([
    ['quotes that do not end', 'a,b\n"x,1\ny,2', /no CSV/],
    ['text after quotes', 'a,b\n"x"y,1', /no CSV.*line 2/],
    ['an endless row', `a,b\n"${'x'.repeat(200_000)}",1`, /no CSV/],
  ])('is refused with %s', async (_case, text, message) => {
    await expect(read('csv', text)).rejects.toMatchObject(refused('file_broken', message));
  });
});

describe('JSON', () => {
  it('becomes items with their numbers, whether it is the list or holds it', async () => {
    const items = [{ question: 'How?', answer: 'So.', tags: ['a', 'b'] }, 'Plain', { deep: { er: 1, no: null } }];
    const expected = [
      {
        text: 'question: How?\nanswer: So.\ntags: a\ntags: b\n\nPlain\n\ndeep.er: 1',
        place: { firstItem: 1, lastItem: 3 },
      },
    ];
    expect(await read('json', JSON.stringify(items))).toEqual(expected);
    expect(await read('json', JSON.stringify({ faqs: items }))).toEqual(expected);
    expect(await read('json', '{"a":1,"b":[2,3]}')).toMatchObject([{ text: 'a: 1\n\nb: 2\nb: 3' }]);
    expect(await read('json', '"half \\ud800 and \\u0000 nothing"')).toMatchObject([
      { text: 'half \ufffd and  nothing' },
    ]);
  });

  it('is refused when it is broken, endless or empty', async () => {
    await expect(read('json', '{"a":1,}')).rejects.toMatchObject(refused('file_broken', /no JSON/));
    await expect(read('json', '['.repeat(100_000))).rejects.toMatchObject(refused('file_broken', /no JSON/));
    const deep = '['.repeat(60) + ']'.repeat(60);
    await expect(read('json', deep)).rejects.toMatchObject(refused('file_too_complex', /deeper/));
    await expect(read('json', '[]')).rejects.toMatchObject(refused('file_without_text', /no text/));
  });
});

describe('HTML', () => {
  it('becomes what a reader sees, with the title of the page', async () => {
    const html = `<html><head><title>Our &amp; your help</title><style>p{}</style></head><body><nav>Home</nav>
      <h1>Reset</h1><p>Use the <a href="https://x">login page</a>.</p><script>alert(1)</script>
      <table><tr><th>Plan</th><th>Price</th></tr><tr><td>Pro</td><td>9</td></tr></table></body></html>`;
    const [piece] = await read('html', html);
    expect(piece?.place).toEqual({ title: 'Our & your help' });
    expect(piece?.text).toMatch(/^Reset\n+Use the login page\.\n+Plan\s+Price\s*\nPro\s+9$/);
  });

  it('is read in the charset it declares', async () => {
    const html = new Uint8Array(Buffer.from('<meta charset="iso-8859-1"><p>Grüße</p>', 'latin1'));
    expect(await read('html', html)).toMatchObject([{ text: 'Grüße' }]);
    const unknown = '<meta charset="klingon"><p>Grüße</p>';
    expect(await read('html', unknown)).toMatchObject([{ text: 'Grüße' }]);
  });

  it('takes nesting without end', async () => {
    const html = `<p>Top</p>${'<div>'.repeat(50_000)}deep${'</div>'.repeat(50_000)}<p>End</p>`;
    const [piece] = await read('html', html);
    expect(piece?.text).toMatch(/^Top/);
    expect(piece?.text).toMatch(/End$/);
  });
});
