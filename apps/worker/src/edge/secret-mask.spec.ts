import { describe, expect, it } from '@jest/globals';
import { finished } from 'node:stream/promises';
import { setImmediate as settled } from 'node:timers/promises';
import { secretMask } from './secret-mask.js';

const SECRET = 'tok-1234567890';

async function through(pieces: readonly string[], secrets: readonly string[] = [SECRET]): Promise<string[]> {
  const mask = secretMask(secrets);
  if (!mask) throw new Error('nothing to look for');
  const out: string[] = [];
  mask.on('data', (bytes: Buffer) => out.push(bytes.toString('utf8')));
  for (const piece of pieces) {
    mask.write(piece);
    await settled();
  }
  mask.end();
  await finished(mask);
  return out.filter((piece) => piece !== '');
}

describe('the mask over what a server answers', () => {
  it('blanks every secret and leaves the rest', async () => {
    expect(await through([`a ${SECRET} b ${SECRET}${SECRET}`])).toEqual(['a [secret] b [secret][secret]']);
    expect((await through([`x other-secret-1 ${SECRET}`], [SECRET, 'other-secret-1'])).join('')).toBe(
      'x [secret] [secret]',
    );
  });

  it('finds a secret wherever it is cut', async () => {
    const text = `data: {"a":"${SECRET}","b":"tok-12"}\n\n`;
    for (let at = 1; at < text.length; at += 1) {
      const pieces = await through([text.slice(0, at), text.slice(at)]);
      expect(pieces.join('')).toBe('data: {"a":"[secret]","b":"tok-12"}\n\n');
    }
    expect((await through([...text])).join('')).not.toContain(SECRET);
  });

  it('delays nothing but what may be the beginning of a secret', async () => {
    expect(await through(['data: one\n\n', 'data: two\n\n'])).toEqual(['data: one\n\n', 'data: two\n\n']);
    expect(await through(['abc tok-1', 'xyz'])).toEqual(['abc ', 'tok-1xyz']);
    expect(await through(['ends with tok-12'])).toEqual(['ends with ', 'tok-12']);
  });

  it('knows the spelling of JSON, and characters of several bytes', async () => {
    const secret = 'pa"ss\\wörd-€-0123';
    expect((await through([JSON.stringify({ a: secret, b: 'ö€' }), secret], [secret])).join('')).toBe(
      '{"a":"[secret]","b":"ö€"}[secret]',
    );
  });

  it('looks for nothing so short that it could be anything', () => {
    expect(secretMask(['1', 'true'])).toBeUndefined();
    expect(secretMask([])).toBeUndefined();
  });
});
