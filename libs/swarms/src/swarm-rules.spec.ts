import { describe, expect, it } from '@jest/globals';
import { checkedDescription, checkedIcon, checkedName, freeSlug, slugOf } from './swarm-rules.js';

const validation = expect.objectContaining({ kind: 'validation' });

describe('slugOf', () => {
  it.each([
    ['Growth', 'growth'],
    ['  Growth Team! ', 'growth-team'],
    ['Größe & Café', 'gro-e-cafe'],
    ['команда', 'swarm'],
    ['🚀', 'swarm'],
    ['../../etc', 'etc'],
    [`${'a'.repeat(59)} b`, 'a'.repeat(59)],
  ])('makes %j %j', (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });
});

describe('freeSlug', () => {
  it('takes the first that is free', () => {
    expect(freeSlug('growth', new Set())).toBe('growth');
    expect(freeSlug('growth', new Set(['growth']))).toBe('growth-2');
    expect(freeSlug('growth', new Set(['growth', 'growth-2', 'growth-4']))).toBe('growth-3');
  });
});

describe('the texts of a swarm', () => {
  it('are kept as they are meant', () => {
    expect(checkedName(' Growth ')).toBe('Growth');
    expect(checkedName('x'.repeat(255))).toHaveLength(255);
    expect(checkedDescription('Two\nlines')).toBe('Two\nlines');
    expect([checkedDescription(''), checkedDescription(null), checkedIcon('')]).toEqual([null, null, null]);
    expect(checkedIcon('🚀')).toBe('🚀');
  });

  it.each(['', '  ', 'x'.repeat(256), 'a\nb', 'a\0'])('refuse the name %j', (name) => {
    expect(() => checkedName(name)).toThrow(validation);
  });

  it('refuse what is too long or not text', () => {
    expect(() => checkedDescription('x'.repeat(2_001))).toThrow(validation);
    expect(() => checkedDescription('a\0')).toThrow(validation);
    expect(() => checkedIcon('x'.repeat(101))).toThrow(validation);
  });
});
