import { describe, expect, it } from '@jest/globals';
import { blended, foreignShare, lexicalVector } from './lexical-vector.js';

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe('foreignShare', () => {
  it.each<[string, number]>([
    ['How do I reset my password?', 0],
    ['Grüße aus Zürich – bis bald…', 0],
    ['日本語', 1],
    ['', 0],
    ['!?', 0],
    ['ab日本', 0.5],
  ])('of %j is %d', (text, share) => expect(foreignShare(text)).toBeCloseTo(share));
});

describe('blended', () => {
  const meaning = Float32Array.from({ length: 512 }, (_v, i) => (i === 0 ? 1 : 0));

  it('leaves what the model can read as the model says', () => {
    expect(blended('Plain English', meaning)).toBe(meaning);
  });

  it('tells texts apart that are one to the model', () => {
    const [one, other] = ['日本語のテキスト', '東京は日本の首都です'].map((text) => blended(text, meaning));
    expect(cosine(one!, other!)).toBeLessThan(0.5);
    expect(cosine(one!, blended('日本語のテキスト', meaning))).toBeCloseTo(1);
  });

  it('keeps near what shares its wording', () => {
    const [one, near, far] = ['東京は日本の首都です', '東京は日本の首都でした', '猫が好きです'].map((text) =>
      lexicalVector(text, 512),
    );
    expect(cosine(one!, near!)).toBeGreaterThan(cosine(one!, far!) + 0.3);
  });
});
