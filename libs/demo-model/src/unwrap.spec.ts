import { describe, expect, it } from '@jest/globals';
import { unwrapped } from './unwrap.js';

const user = (text: string) => ({ role: 'user' as const, text });

describe('what OpenClaw puts around a conversation', () => {
  it('is taken off', () => {
    const messages = [
      { role: 'system' as const, text: 'You are Ada' },
      user('[Sun 2026-11-22 21:16 UTC] hello\n\nRuntime: agent=main | session=agent:main:s1 | model=rookery/demo'),
      { role: 'assistant' as const, text: 'Hi' },
      user('[Sun 2026-11-22 21:17 UTC] [[echo two]]'),
      user('<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nActive exec sessions: none'),
    ];
    expect(unwrapped(messages)).toEqual([messages[0], user('hello'), messages[2], user('[[echo two]]')]);
  });

  it('holds earlier messages in front of the first one', () => {
    const text =
      '[Sun 2026-11-22 21:16 UTC] [Chat messages since your last reply - for context]\nUser: old\nmore\nAssistant: yes\n\n' +
      '[Current message - respond to this]\nUser: new\n\nRuntime: agent=main | session=x';
    expect(unwrapped([user(text)])).toEqual([user('old\nmore'), { role: 'assistant', text: 'yes' }, user('new')]);
  });

  it('is nowhere else looked for', () => {
    const plain = [user('[ok] hello\n\nRuntime: fine'), { role: 'assistant' as const, text: '[Sun] x' }];
    expect(unwrapped(plain)).toEqual(plain);
  });
});
