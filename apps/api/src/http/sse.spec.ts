import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { sse } from './sse.js';

async function* numbers(count: number, onReturn: () => void = () => undefined): AsyncGenerator<string> {
  try {
    for (let n = 1; n <= count; n += 1) yield `data: ${n}\n\n`;
  } finally {
    onReturn();
  }
}

async function textOf(frames: AsyncIterable<string>, options?: Parameters<typeof sse>[1]): Promise<string> {
  let text = '';
  for await (const chunk of sse(frames, options).getStream()) text += String(chunk);
  return text;
}

describe('sse', () => {
  it('sends every frame in order, after a comment that carries the headers to the client', async () => {
    expect(await textOf(numbers(3))).toBe(': ping\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n');
  });

  it('loses nothing of many frames', async () => {
    const text = await textOf(numbers(20_000));
    expect(text.match(/data/g)).toHaveLength(20_000);
    expect(text.endsWith('data: 20000\n\n')).toBe(true);
  });

  it('takes no more frames than the client reads', async () => {
    let made = 0;
    async function* endless(): AsyncGenerator<string> {
      for (;;) yield `data: ${'x'.repeat(1_000)} ${(made += 1)}\n\n`;
    }
    const stream = sse(endless()).getStream();
    stream.read(1);
    await sleep(50);
    expect(made).toBeLessThan(100);
    stream.destroy();
  });

  it('pings while nothing happens', async () => {
    async function* late(): AsyncGenerator<string> {
      await sleep(60);
      yield 'data: late\n\n';
    }
    expect(await textOf(late(), { pingEveryMs: 10 })).toMatch(/^: ping\n\n(: ping\n\n)+data: late\n\n$/);
  });

  it('stops the frames when the client leaves and tells once', async () => {
    let returned = 0;
    let closed = 0;
    const frames = numbers(1_000_000, () => (returned += 1));
    const stream = sse(frames, { onClose: () => (closed += 1) }).getStream();
    for await (const chunk of stream) if (String(chunk).includes('data')) break;
    await sleep(5);
    expect([returned, closed]).toEqual([1, 1]);
  });

  it('breaks off when the frames fail', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'data: 1\n\n';
      throw new Error('broken');
    }
    await expect(textOf(failing())).rejects.toThrow('broken');
  });
});
