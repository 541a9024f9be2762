import { describe, expect, it } from '@jest/globals';
import { authoriseScrape } from './scrape-access.js';

describe('authoriseScrape', () => {
  it('lets this machine in while there is no token', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(() => authoriseScrape(undefined, {}, peer)).not.toThrow();
    }
  });

  it.each([
    ['another machine', {}, '10.0.0.7'],
    ['a proxy on this machine', { 'x-forwarded-for': '203.0.113.9' }, '127.0.0.1'],
    ['a standard proxy on this machine', { forwarded: 'for=203.0.113.9' }, '127.0.0.1'],
    ['nobody knows whom', {}, undefined],
  ])('keeps %s out while there is no token', (_who, headers, peer) => {
    expect(() => authoriseScrape(undefined, headers, peer)).toThrow(/METRICS_TOKEN/);
  });

  it('asks everybody for the token once there is one', () => {
    expect(() => authoriseScrape('t0ken', { authorization: 'Bearer t0ken' }, '10.0.0.7')).not.toThrow();
    for (const authorization of [undefined, 'Bearer t0ke', 'Bearer t0kenn', 't0ken']) {
      expect(() => authoriseScrape('t0ken', { authorization }, '127.0.0.1')).toThrow(/bearer/);
    }
  });
});
