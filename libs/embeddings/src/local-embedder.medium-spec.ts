import { afterAll, describe, expect, it } from '@jest/globals';
import { LOCAL_EMBEDDER, LocalEmbedder } from './local-embedder.js';

const quiet = new AbortController().signal;
const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe('the offline embedder', () => {
  const embedder = new LocalEmbedder();
  afterAll(() => embedder.close());

  it('puts near what means the same, in vectors of length 1', async () => {
    const [question, answer, other] = await embedder.embed(
      ['How do I reset my password?', 'I forgot my password and need a new one', 'The weather in Rome is fine'],
      quiet,
    );
    expect(cosine(question!, answer!)).toBeGreaterThan(cosine(question!, other!) + 0.2);
    for (const vector of [question!, answer!, other!]) {
      expect(vector).toHaveLength(512);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
    }
    expect(embedder.id).toBe(LOCAL_EMBEDDER);
  }, 60_000);

  it('gives the same vectors in batches of many and one by one, in the order of the texts', async () => {
    const texts = Array.from({ length: 70 }, (_v, n) => `Sentence number ${n} is about ${n % 2 ? 'ships' : 'bread'}`);
    const all = await embedder.embed(texts, quiet);
    expect(all).toHaveLength(70);
    for (const n of [0, 31, 32, 69]) {
      const [alone] = await embedder.embed([texts[n]!], quiet);
      expect(cosine(alone!, all[n]!)).toBeCloseTo(1, 3);
    }
    expect(await embedder.embed([], quiet)).toEqual([]);
  }, 60_000);

  it('refuses more than may wait, and takes texts again when those are done', async () => {
    const many = Array.from({ length: 1_990 }, (_v, n) => `t${n}`);
    const gone = new AbortController();
    const working = embedder.embed(many, gone.signal);
    await expect(embedder.embed(Array<string>(11).fill('x'), quiet)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'embedder_busy',
      details: { retryAfterSeconds: 5 },
    });
    gone.abort(new Error('the client left'));
    await expect(working).rejects.toThrow('the client left');
    expect(await embedder.embed(Array<string>(11).fill('x'), quiet)).toHaveLength(11);
  }, 60_000);

  it('starts another thread after the first ended', async () => {
    await embedder.close();
    expect(await embedder.embed(['Still there'], quiet)).toHaveLength(1);
  }, 60_000);

  it('fails those who wait when the thread ends', async () => {
    const waiting = embedder.embed(['Never answered'], quiet);
    await embedder.close();
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable', code: 'embedder_failed' });
  }, 60_000);
});
