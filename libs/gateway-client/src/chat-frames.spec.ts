import { describe, expect, it } from '@jest/globals';
import { ChatFrames } from './chat-frames.js';
import type { GatewayChunk } from './gateway.js';

const frame = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`;
const text = (content: string): string => frame({ choices: [{ delta: { content } }] });

const STREAM = `: hello\n\n${frame({ choices: [{ delta: { role: 'assistant', content: '' } }] })}${text('Hé')}${text(
  'llo\n',
)}${frame({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } })}data: [DONE]\n\n`;

function feed(pieces: string[]): { chunks: GatewayChunk[]; isDone: boolean } {
  const frames = new ChatFrames();
  return { chunks: pieces.flatMap((piece) => [...frames.feed(piece)]), isDone: frames.isDone };
}

describe('ChatFrames', () => {
  const expected: GatewayChunk[] = [
    { kind: 'text', text: 'Hé' },
    { kind: 'text', text: 'llo\n' },
    { kind: 'usage', promptTokens: 7, completionTokens: 2 },
  ];

  it('reads text and usage up to [DONE]', () => {
    expect(feed([STREAM, text('late')])).toEqual({ chunks: expected, isDone: true });
  });

  it('reads the same however the stream was cut', () => {
    for (const size of [1, 2, 7, 31]) {
      const pieces = STREAM.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(feed(pieces)).toEqual({ chunks: expected, isDone: true });
    }
  });

  it('gives the text before an error, then throws it with its code', () => {
    const frames = new ChatFrames();
    const read: GatewayChunk[] = [];
    const error = frame({ error: { code: 'provider_quota', message: 'No credit left' } });
    expect(() => read.push(...frames.feed(text('a') + error))).toThrow(
      expect.objectContaining({ kind: 'upstream_failed', code: 'provider_quota', message: 'No credit left' }),
    );
    const again = new ChatFrames();
    const generator = again.feed(text('a') + error);
    expect(generator.next().value).toEqual({ kind: 'text', text: 'a' });
  });

  it.each(['data: {"choices": \n\n', 'data: <html>\n\n', 'data: null\n\n'])('refuses %j', (bad) => {
    expect(() => feed([bad])).toThrow(expect.objectContaining({ kind: 'upstream_failed', code: 'bad_answer' }));
  });

  it('refuses a frame without end before it fills memory', () => {
    expect(() => feed(['data: ', ...Array<string>(20).fill('x'.repeat(100_000))])).toThrow(
      expect.objectContaining({ code: 'bad_answer' }),
    );
  });
});
