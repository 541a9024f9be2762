import { describe, expect, it } from '@jest/globals';
import { ANY_KEY, NoticeBatch, parsePayload } from './notice-batch.js';

describe('NoticeBatch', () => {
  it('sends each topic and key once', () => {
    const batch = new NoticeBatch();
    for (let n = 0; n < 3; n += 1) batch.add({ topic: 'agent', key: 'a' });
    batch.add({ topic: 'run', key: 'a' });
    expect(batch.drain().flatMap(parsePayload)).toEqual([
      { topic: 'agent', key: 'a' },
      { topic: 'run', key: 'a' },
    ]);
    expect(batch.isEmpty).toBe(true);
    expect(batch.drain()).toEqual([]);
  });

  it('splits into payloads that NOTIFY takes', () => {
    const batch = new NoticeBatch();
    const keys = Array.from({ length: 2_000 }, (_, n) => `${n}-äöü-"quoted"-${'x'.repeat(30)}`);
    keys.forEach((key) => batch.add({ topic: 'agent', key }));
    const payloads = batch.drain();
    expect(Math.max(...payloads.map((payload) => Buffer.byteLength(payload)))).toBeLessThan(8_000);
    expect(payloads.flatMap(parsePayload).map((notice) => notice.key)).toEqual(keys);
  });

  it('becomes "anything of the topic" instead of growing without end', () => {
    const batch = new NoticeBatch();
    for (let n = 0; n < 50_000; n += 1) batch.add({ topic: 'logs', key: `${n}` });
    batch.add({ topic: 'agent', key: 'a' });
    const notices = batch.drain().flatMap(parsePayload);
    expect(notices.length).toBeLessThanOrEqual(10_001);
    expect(notices).toContainEqual({ topic: 'logs', key: ANY_KEY });
    expect(notices).toContainEqual({ topic: 'agent', key: 'a' });
  });
});

describe('parsePayload', () => {
  it('ignores what it does not understand', () => {
    for (const payload of ['', 'x', '{}', 'null', '[1]', '[["a"]]', '[[1,"b"]]']) {
      expect(parsePayload(payload)).toEqual([]);
    }
  });
});
