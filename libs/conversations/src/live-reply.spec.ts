import { describe, expect, it } from '@jest/globals';
import type { ChatEvent } from './chat.js';
import { LiveReply } from './live-reply.js';

const never = new AbortController().signal;

async function all(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const read: ChatEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

describe('LiveReply', () => {
  it('gives each piece to a reader that keeps up, with the offset after it', async () => {
    const reply = new LiveReply();
    const reader = reply.read(0, never);
    const first = reader.next();
    reply.append('ab');
    expect((await first).value).toEqual({ kind: 'text', offset: 2, text: 'ab' });
    reply.append('cde');
    expect((await reader.next()).value).toEqual({ kind: 'text', offset: 5, text: 'cde' });
    reply.close({ kind: 'done' });
    expect((await reader.next()).value).toEqual({ kind: 'done' });
    expect((await reader.next()).done).toBe(true);
  });

  it('gives a slow reader in one event what has gathered', async () => {
    const reply = new LiveReply();
    ['a', 'b', 'c'].forEach((piece) => reply.append(piece));
    reply.close({ kind: 'error', code: 'x', message: 'y' });
    expect(await all(reply.read(0, never))).toEqual([
      { kind: 'text', offset: 3, text: 'abc' },
      { kind: 'error', code: 'x', message: 'y' },
    ]);
  });

  it.each([
    [0, 'abcdef'],
    [1, 'bcdef'],
    [2, 'cdef'],
    [5, 'f'],
    [6, ''],
    [99, ''],
  ])('goes on after offset %i without losing or repeating', async (offset, rest) => {
    const reply = new LiveReply();
    ['ab', 'cd', 'ef'].forEach((piece) => reply.append(piece));
    reply.close({ kind: 'done' });
    const events = await all(reply.read(offset, never));
    expect(events.map((event) => (event.kind === 'text' ? event.text : '')).join('')).toBe(rest);
    expect(events.at(-1)).toEqual({ kind: 'done' });
  });

  it('serves many readers at their own speed', async () => {
    const reply = new LiveReply();
    const readers = [0, 0, 3].map((offset) => all(reply.read(offset, never)));
    for (let n = 0; n < 10; n += 1) {
      reply.append(`${n}`);
      if (n % 3 === 0) await new Promise(setImmediate);
    }
    reply.close({ kind: 'done' });
    const texts = (await Promise.all(readers)).map((events) =>
      events.map((event) => (event.kind === 'text' ? event.text : '')).join(''),
    );
    expect(texts).toEqual(['0123456789', '0123456789', '3456789']);
  });

  it('lets a reader go when its signal fires', async () => {
    const reply = new LiveReply();
    const leaving = new AbortController();
    const reading = all(reply.read(0, leaving.signal));
    await new Promise(setImmediate);
    leaving.abort();
    expect(await reading).toEqual([]);
  });

  it('takes nothing after its end, and ends once', async () => {
    const reply = new LiveReply();
    reply.close({ kind: 'done' });
    reply.append('late');
    reply.close({ kind: 'error', code: 'x', message: 'y' });
    expect(await all(reply.read(0, never))).toEqual([{ kind: 'done' }]);
  });
});
