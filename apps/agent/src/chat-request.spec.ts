import { describe, expect, it } from '@jest/globals';
import { parseChatRequest } from './chat-request.js';
import { GatewayError } from './gateway-error.js';

const message = (role: string, content: unknown): object => ({ role, content });
const hello = { messages: [message('user', 'hello')] };

describe('chat requests', () => {
  it('reads session, peer, turn and refill from the headers', () => {
    const headers = {
      'x-openclaw-session-key': 's1',
      'x-rookery-peer': encodeURIComponent('Zoë/1'),
      'x-rookery-turn': '4',
      'x-rookery-refill': '1',
    };
    const request = parseChatRequest(headers, hello);
    expect(request.key).toEqual({ session: 's1', peer: 'Zoë/1' });
    expect(request.turn).toBe(4);
    expect(request.refill).toBe(true);
    expect(request.stream).toBe(false);
  });

  it('stands for itself without a session', () => {
    const request = parseChatRequest({}, hello);
    expect(request.key).toBeUndefined();
    expect(request.turn).toBeUndefined();
  });

  it('parts system messages, earlier messages and the new one', () => {
    const request = parseChatRequest(
      {},
      {
        stream: true,
        messages: [
          message('system', 'context'),
          message('user', 'one'),
          message('assistant', [{ type: 'text', text: 'two' }]),
          message('developer', 'more'),
          message('user', 'three'),
        ],
      },
    );
    expect(request.instructions).toEqual(['context', 'more']);
    expect(request.earlier).toEqual([
      { role: 'user', text: 'one' },
      { role: 'assistant', text: 'two' },
    ]);
    expect(request.message).toBe('three');
    expect(request.stream).toBe(true);
  });

  it.each([
    ['no object', []],
    ['no messages', {}],
    ['an empty list', { messages: [] }],
    ['a message that is none', { messages: ['hello'] }],
    ['an unknown role', { messages: [message('tool', 'x')] }],
    ['an image', { messages: [message('user', [{ type: 'image_url', image_url: {} }])] }],
    ['no content', { messages: [message('user', null)] }],
    ["an assistant's last word", { messages: [message('user', 'a'), message('assistant', 'b')] }],
    ['only a system message', { messages: [message('system', 'a')] }],
    ['an empty message', { messages: [message('user', ' ')] }],
  ])('refuses %s with 400', (_name, body) => {
    expect(() => parseChatRequest({}, body)).toThrow(GatewayError);
  });

  it.each([
    ['x-rookery-turn', '-1'],
    ['x-rookery-turn', '2a'],
    ['x-rookery-peer', '%E0%A4%A'],
    ['x-openclaw-session-key', 's'.repeat(513)],
  ])('refuses a malformed %s', (name, value) => {
    expect(() => parseChatRequest({ 'x-openclaw-session-key': 's1', [name]: value }, hello)).toThrow(GatewayError);
  });
});
