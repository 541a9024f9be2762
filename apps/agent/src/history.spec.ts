import { describe, expect, it } from '@jest/globals';
import type { ChatMessage } from './chat-request.js';
import { buildPrompt } from './history.js';

const user = (text: string): ChatMessage => ({ role: 'user', text });
const assistant = (text: string): ChatMessage => ({ role: 'assistant', text });

describe('the prompt', () => {
  it('holds everything that fits, oldest first', () => {
    const earlier = [user('one'), assistant('two')];
    expect(buildPrompt(earlier, 'three', 100)).toEqual([...earlier, user('three')]);
  });

  it('drops the oldest whole turns past the budget', () => {
    const earlier = [user('aaaa'), assistant('bbbb'), user('cccc'), assistant('dddd')];
    expect(buildPrompt(earlier, 'new', 15)).toEqual([user('cccc'), assistant('dddd'), user('new')]);
    expect(buildPrompt(earlier, 'new', 7)).toEqual([user('new')]);
  });

  it('never cuts the new message', () => {
    expect(buildPrompt([], 'x'.repeat(1000), 10)).toEqual([user('x'.repeat(1000))]);
  });

  it('begins with the user, wherever the history was cut', () => {
    expect(buildPrompt([assistant('tail of a turn'), user('a'), assistant('b')], 'c', 100)).toEqual([
      user('a'),
      assistant('b'),
      user('c'),
    ]);
  });

  it('joins what failed turns left, and leaves empty replies out', () => {
    expect(buildPrompt([user('lost'), assistant(''), user('again')], 'now', 100)).toEqual([
      user('lost\n\nagain\n\nnow'),
    ]);
  });
});
