import { describe, expect, it } from '@jest/globals';
import { agentoPage, isoTime, isoTimeOrNull } from './agento.paging.js';

describe('agentoPage', () => {
  it('gives the number of rows as limit of a whole list', () => {
    expect(agentoPage({ items: [1, 2], total: 2 }, String)).toEqual({
      data: ['1', '2'],
      pagination: { total: 2, limit: 2, offset: 0 },
    });
  });

  it('repeats the window that was asked for', () => {
    expect(agentoPage({ items: [3], total: 9 }, String, { limit: 1, offset: 2 }).pagination).toEqual({
      total: 9,
      limit: 1,
      offset: 2,
    });
  });
});

describe('isoTime', () => {
  it('has milliseconds and Z', () => {
    expect(isoTime(new Date(Date.UTC(2026, 1, 10, 14, 0, 5)))).toBe('2026-02-10T14:00:05.000Z');
  });

  it('keeps an absent moment null', () => {
    expect([isoTimeOrNull(null), isoTimeOrNull(undefined)]).toEqual([null, null]);
  });
});
