import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import fc from 'fast-check';
import { FreeText, withoutHtml } from './free-text.js';

const TAG = /<[a-z/!?]/i;

describe('withoutHtml', () => {
  it.each([
    ['a < b & c'],
    ['1<2 and 3>2, I <3 you'],
    ['"quoted" \'text\''],
    ['&lt;b&gt; &amp; &copy; &#60;'],
    ['two\nlines\tand 😀'],
  ])('leaves %j as it is', (text) => {
    expect(withoutHtml(text)).toBe(text);
  });

  it.each([
    ['<b>Bold</b> text', 'Bold text'],
    ['<script>alert(1)</script>Ann', 'Ann'],
    ['<style>p{}</style>Ann<!-- note -->', 'Ann'],
    ['<img src=x onerror=alert(1)>Ann', 'Ann'],
    ['Ann<img src=x onerror=alert(1)', 'Ann'],
    ['<<b>script>alert(1)<<b>/script>', ''],
    ['<a href="javascript:alert(1)">a < b</a>', 'a < b'],
    ['nul\0 and half \ud83d', 'nul\ufffd and half \ufffd'],
  ])('makes %j %j', (text, plain) => {
    expect(withoutHtml(text)).toBe(plain);
  });

  it('leaves no tag, however tags are put into each other, and does not take long about it', () => {
    expect(TAG.test(withoutHtml(`${'<'.repeat(20_000)}${'b>'.repeat(20_000)}`))).toBe(false);
    const pieces = fc.array(fc.constantFrom('<', '>', '/', '!', '-', '&', ';', 'lt', 'b', 'script', ' ', '"'));
    fc.assert(
      fc.property(pieces, (parts) => {
        const plain = withoutHtml(parts.join(''));
        expect(plain).not.toMatch(TAG);
        expect(withoutHtml(plain)).toBe(plain);
      }),
    );
  });
});

describe('FreeText', () => {
  class Body {
    @FreeText()
    text?: unknown;
  }
  const read = (text: unknown): unknown => plainToInstance(Body, { text }).text;

  it('cleans texts and lists of texts', () => {
    expect(read(' <i></i> ')).toBe('');
    expect(read(['<b>one</b>', ' two '])).toEqual(['one', 'two']);
  });

  it('leaves other values for the checks that follow', () => {
    expect(read(7)).toBe(7);
    expect(read(null)).toBeNull();
    expect(read([1])).toEqual([1]);
  });
});
