import { describe, expect, it } from '@jest/globals';
import { asksForSigns, comparisonOf, literalPattern } from './message-search.js';

describe('what somebody searches for', () => {
  it.each([
    ['100%', String.raw`%100\%%`],
    ['snake_case', String.raw`%snake\_case%`],
    [String.raw`C:\temp`, String.raw`%C:\\temp%`],
    ['plain words', '%plain words%'],
  ])('stands for itself in a pattern: %s', (text, pattern) => {
    expect(literalPattern(text)).toBe(pattern);
  });

  it.each([
    ['how do I pay?', false],
    ["what's new, e-mail", false],
    ['größe 東京', false],
    ['100%', true],
    ['a_b', true],
    ['SELECT * FROM users; --', true],
  ])('%s asks for signs: %s', (text, expected) => {
    expect(asksForSigns(text)).toBe(expected);
  });

  it.each([
    ['100% (§ 7)', 'content LIKE'],
    ['100% sure', 'content COLLATE "C" ILIKE'],
    ['100 % für 東京', 'content ILIKE'],
    ['Ⅷ_', 'content ILIKE'],
  ])('is compared as cheaply as large and small letters allow: %s', (text, expected) => {
    expect(comparisonOf(text, 'content')).toBe(expected);
  });
});
