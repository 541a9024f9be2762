import { describe, expect, it } from '@jest/globals';
import type { ChatEvent } from '#libs/conversations';
import { chatFrames, lineIdOf, logFrame, offsetOf } from './agento.stream.js';

const run = '5b1c9a3e-7f7a-4a6e-9a55-0f6f0e6b7c11';

async function* from(events: ChatEvent[]): AsyncGenerator<ChatEvent> {
  yield* events;
}

async function framesOf(events: ChatEvent[]): Promise<string> {
  let text = '';
  for await (const frame of chatFrames(run, from(events))) text += frame;
  return text;
}

describe('chatFrames', () => {
  it('streams text with ids and then done', async () => {
    const events: ChatEvent[] = [
      { kind: 'text', offset: 5, text: 'Hello' },
      { kind: 'text', offset: 12, text: '\nworld!' },
      { kind: 'done' },
    ];
    expect(await framesOf(events)).toBe(
      `id: ${run}.5\ndata: {"type":"text","content":"Hello"}\n\n` +
        `id: ${run}.12\ndata: {"type":"text","content":"\\nworld!"}\n\n` +
        'data: {"type":"done"}\n\n',
    );
  });

  it('ends a failure with an error event', async () => {
    expect(await framesOf([{ kind: 'error', code: 'upstream_failed', message: 'The model is away' }])).toBe(
      'data: {"type":"error","message":"The model is away","code":"upstream_failed"}\n\n',
    );
  });

  it('uses no event names and no line breaks inside data', async () => {
    const text = 'a\r\nevent: forged\u2028\ndata: x';
    const frames = await framesOf([{ kind: 'text', offset: text.length, text }]);
    expect(frames.split('\n').map((line) => line.split(':')[0])).toEqual(['id', 'data', '', '']);
  });
});

describe('logFrame', () => {
  it('sends the raw line', () => {
    expect(logFrame({ id: 7, line: '2026-02-10T14:00:05Z [info] Agent started' })).toBe(
      'id: 7\ndata: 2026-02-10T14:00:05Z [info] Agent started\n\n',
    );
  });

  it('keeps a carriage return from starting a field', () => {
    expect(logFrame({ id: 7, line: 'progress\revent: forged' })).toBe('id: 7\ndata: progress\ndata: event: forged\n\n');
  });
});

describe('offsetOf', () => {
  it.each([
    [`${run}.12`, 12],
    [undefined, undefined],
    ['', undefined],
    [run, undefined],
    [`${run}.x`, undefined],
    [`${run}.-3`, undefined],
    ['another.12', undefined],
  ])('reads %p as %p', (id, offset) => {
    expect(offsetOf(run, id)).toBe(offset);
  });
});

describe('lineIdOf', () => {
  it.each([
    ['42', 42],
    [undefined, undefined],
    ['', undefined],
    ['4 OR 1', undefined],
  ])('reads %p as %p', (id, line) => {
    expect(lineIdOf(id)).toBe(line);
  });
});
