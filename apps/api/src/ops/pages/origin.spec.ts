import { describe, expect, it } from '@jest/globals';
import { isSameOrigin } from './origin.js';

const publicUrl = 'https://rookery.example';

describe('isSameOrigin', () => {
  it('lets reads pass from anywhere', () => {
    expect(isSameOrigin('GET', { origin: 'https://evil.example' }, publicUrl)).toBe(true);
  });

  it.each([
    ['the address it was asked under', { origin: 'http://127.0.0.1:3000', host: '127.0.0.1:3000' }],
    ['the public address, behind a proxy', { origin: 'https://rookery.example', host: 'api:3000' }],
  ])('lets a change pass from %s', (_case, headers) => {
    expect(isSameOrigin('POST', headers, publicUrl)).toBe(true);
  });

  it.each([
    ['another page', { origin: 'https://evil.example', host: '127.0.0.1:3000' }],
    ['another port', { origin: 'http://127.0.0.1:4000', host: '127.0.0.1:3000' }],
    ['a sandbox', { origin: 'null', host: '127.0.0.1:3000' }],
    ['nowhere', { host: '127.0.0.1:3000' }],
  ])('refuses a change from %s', (_case, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(isSameOrigin(method, headers, publicUrl)).toBe(false);
    }
  });
});
