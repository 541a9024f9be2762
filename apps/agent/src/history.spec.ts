import { describe, expect, it } from '@jest/globals';
import type { ChatMessage } from './chat-request.js';
import { alternating, newestTurns, wholeTurns } from './history.js';

const user = (text: string): ChatMessage => ({ role: 'user', text });
const assistant = (text: string): ChatMessage => ({ role: 'assistant', text });
const length = (messages: readonly ChatMessage[]): number => messages.reduce((sum, { text }) => sum + text.length, 0);

describe('the conversation that is sent', () => {
  it('leaves the oldest whole turns out past the budget', () => {
    const turns = wholeTurns([user('aaaa'), assistant('bbbb'), user('cccc'), assistant('dddd')]);
    expect(newestTurns(turns, 16, length)).toHaveLength(4);
    expect(newestTurns(turns, 15, length)).toEqual([user('cccc'), assistant('dddd')]);
    expect(newestTurns(turns, 7, length)).toEqual([]);
  });

  it('begins with the user, wherever the history was cut', () => {
    const messages = [assistant('tail of a turn'), user('a'), assistant('b')];
    expect(wholeTurns(messages).flat()).toEqual([user('a'), assistant('b')]);
    expect(alternating(messages)).toEqual([user('a'), assistant('b')]);
  });

  it('joins what failed turns left, and leaves empty replies out', () => {
    expect(alternating([user('lost'), assistant(''), user('again'), user('now')])).toEqual([
      user('lost\n\nagain\n\nnow'),
    ]);
  });
});
