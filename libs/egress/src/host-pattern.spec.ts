import { describe, expect, it } from '@jest/globals';
import { hostAndPort, hostPattern, matchesHost } from './host-pattern.js';

const allows = (pattern: string, host: string, port = 443): boolean => {
  const known = hostPattern(pattern);
  const asked = hostAndPort(host);
  if (!known || !asked) throw new Error(`${known ? host : pattern} is malformed`);
  return matchesHost([known], asked.host, port);
};

describe('hostAndPort', () => {
  it.each([
    ['API.Example.com.:443', 'api.example.com', 443],
    ['bücher.example', 'xn--bcher-kva.example', undefined],
    ['[::1]:8443', '::1', 8443],
    // other spellings of an address become the address
    ['0x7f.1:80', '127.0.0.1', 80],
    ['2130706433', '127.0.0.1', undefined],
  ])('spells %s as %s', (text, host, port) => expect(hostAndPort(text)).toEqual({ host, port }));

  it.each([
    '',
    'a b',
    'user@host:80',
    'host/path',
    'host?x',
    'host#x',
    'host\\x',
    'host:0',
    'host:65536',
    'host:x',
    'a..b',
    '.a',
    'http://host',
    '::1',
    'a%2eb',
    'a\r\nb',
    'x'.repeat(254),
  ])('refuses %j', (text) => expect(hostAndPort(text)).toBeUndefined());
});

describe('hostPattern', () => {
  it('names exactly one host', () => {
    expect(allows('api.example.com', 'API.example.com.')).toBe(true);
    for (const other of ['example.com', 'x.api.example.com', 'api.example.com.evil.net', 'xapi.example.com']) {
      expect(allows('api.example.com', other)).toBe(false);
    }
  });

  it('names everything below a suffix, and not the suffix itself', () => {
    expect(allows('*.example.com', 'a.example.com')).toBe(true);
    expect(allows('*.example.com', 'a.b.example.com')).toBe(true);
    for (const other of ['example.com', 'evilexample.com', 'a.example.com.evil.net', 'a.example.org']) {
      expect(allows('*.example.com', other)).toBe(false);
    }
  });

  it('opens ports 80 and 443, or the one it names', () => {
    expect([80, 443, 22, 8443].map((port) => allows('example.com', 'example.com', port))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([443, 8443].map((port) => allows('example.com:8443', 'example.com', port))).toEqual([false, true]);
  });

  it.each([
    '*',
    '*.com',
    '*.',
    'a.*.com',
    '*.*.com',
    '*x.example.com',
    '*.10.0.0.1',
    'https://example.com',
    '10.0.0.0/8',
  ])('refuses %s', (text) => expect(hostPattern(text)).toBeUndefined());
});
