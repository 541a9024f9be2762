import { describe, expect, it } from '@jest/globals';
import { AuditKey, PublicAuditKey } from './audit-key.js';
import { asStatement, judge, signedStatement } from './statement.js';

const KEY = new AuditKey(() => 'the-audit-key-for-tests-0123456789');
const OTHER = new AuditKey(() => 'another-audit-key-for-tests-0123456');
const POINT = { seq: 3, hash: Buffer.alloc(32, 7) };
const statement = signedStatement(KEY, 'head', 'org', POINT, new Date(0));

describe('statements', () => {
  it('are verified with the public key alone, in the form that a file keeps', () => {
    const kept = asStatement(JSON.parse(JSON.stringify(statement)))!;
    expect(judge(kept, [new PublicAuditKey(KEY.publicPem)])).toBe('good');
    expect(judge(kept, [OTHER])).toBe('unknown');
  });

  it.each(['org', 'hash', 'time', 'kind', 'seq', 'signature'] as const)('are forged when %s differs', (field) => {
    const changes = { org: 'o', hash: 'ff', time: 'x', kind: 'anchor', seq: 4, signature: OTHER.sign('x') } as const;
    expect(judge({ ...statement, [field]: changes[field] }, [KEY])).toBe('forged');
  });

  it('are nothing else', () => {
    for (const value of [null, 1, [], {}, { ...statement, kind: 'tail' }, { ...statement, seq: '3' }]) {
      expect(asStatement(value)).toBeUndefined();
    }
  });

  it('need an ed25519 key', () => {
    expect(() => new PublicAuditKey('no PEM')).toThrow();
  });
});
