import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ChainedEvent, GENESIS, canonicalJson, nextPoint } from './chain.js';

const EVENT: ChainedEvent = {
  id: '7',
  orgId: 'a',
  at: '2026-01-15T10:30:00.000001Z',
  type: 'AUTHORIZATION_SUCCESS',
  subject: 'user:1',
  action: 'agent.start',
  resource: 'agent:7',
  result: 'success',
  reason: null,
  metadata: { b: 1, a: [true, null, 'x'] },
};

describe('canonicalJson', () => {
  it('has one text for one value, whatever the order of its keys', () => {
    expect(canonicalJson({ b: [{ z: 1, y: undefined }], a: 'ü\n' })).toBe('{"a":"ü\\n","b":[{"y":null,"z":1}]}');
  });

  it('is read back as what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('nextPoint', () => {
  it('follows from every field, the place and the former hash', () => {
    const first = nextPoint(GENESIS, EVENT);
    expect(first.seq).toBe(1);
    expect(nextPoint(GENESIS, { ...EVENT }).hash.equals(first.hash)).toBe(true);
    const others = (Object.keys(EVENT) as (keyof ChainedEvent)[]).map((field) => {
      const changed = field === 'metadata' ? { a: 1 } : 'another';
      return nextPoint(GENESIS, { ...EVENT, [field]: changed }).hash.toString('hex');
    });
    const moved = nextPoint({ seq: 1, hash: GENESIS.hash }, EVENT).hash.toString('hex');
    const elsewhere = nextPoint({ seq: 0, hash: first.hash }, EVENT).hash.toString('hex');
    expect(new Set([first.hash.toString('hex'), moved, elsewhere, ...others]).size).toBe(3 + others.length);
  });
});
