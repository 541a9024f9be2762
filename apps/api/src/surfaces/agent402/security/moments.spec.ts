import { describe, expect, it } from '@jest/globals';
import { toMoment } from './moments.js';

describe('toMoment', () => {
  it.each([
    ['2026-01-15T10:30:00Z', '2026-01-15T10:30:00.000Z'],
    ['2026-01-15T10:30:00', '2026-01-15T10:30:00.000Z'],
    ['2026-01-15T10:30:00.123456+02:00', '2026-01-15T08:30:00.123Z'],
    ['2026-01-15T10:30:00 02:00', '2026-01-15T08:30:00.000Z'],
    ['2026-01-15', '2026-01-15T00:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect((toMoment(text) as Date).toISOString()).toBe(expected);
  });

  it.each([['yesterday'], ['2026-02-30'], ['2026-13-01T00:00:00Z'], ['2026-01-15T25:00:00Z'], [''], [7], [undefined]])(
    'leaves %p alone',
    (value) => expect(toMoment(value)).toBe(value),
  );
});
