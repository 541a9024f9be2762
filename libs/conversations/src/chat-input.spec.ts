import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#libs/kernel';
import { ownerOf, parseMessage, parseName, parsePeerId } from './chat-input.js';

describe('parseMessage', () => {
  it('takes up to 32,000 characters and refuses empty ones', () => {
    expect(parseMessage('x'.repeat(32_000))).toHaveLength(32_000);
    expect(() => parseMessage('x'.repeat(32_001))).toThrow('at most 32000');
    expect(() => parseMessage(' \n')).toThrow('must not be empty');
  });
});

describe('parsePeerId', () => {
  it.each(['', ' ', 'a\nb', 'a\0b', '\ud83d', 'x'.repeat(201)])('refuses %j', (peerId) => {
    expect(() => parsePeerId(peerId)).toThrow('peerId must have');
  });

  it('keeps any other text', () => {
    expect(parsePeerId('kundin ü/42 😀')).toBe('kundin ü/42 😀');
  });
});

describe('parseName', () => {
  it('takes nothing for a blank name and refuses a long one', () => {
    expect(parseName('  ')).toBeUndefined();
    expect(() => parseName('x'.repeat(201))).toThrow('at most 200');
  });
});

describe('ownerOf', () => {
  it('is the peer, whatever the credential, else the credential', () => {
    const caller = { subject: 'key:1' } as Caller;
    expect([ownerOf(caller, 'p'), ownerOf(caller, undefined)]).toEqual(['peer:p', 'key:1']);
  });
});
