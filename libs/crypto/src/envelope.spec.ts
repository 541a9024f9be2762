import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Keyring, seal, unseal } from './envelope.js';

const OLD = 'the-old-master-key-0123456789abcdef';
const NEW = 'the-new-master-key-0123456789abcdef';
const failed = expect.objectContaining({ kind: 'internal', code: 'decryption_failed' });

describe('Keyring', () => {
  it('seals and unseals under a stored data key', () => {
    const keyring = new Keyring(OLD);
    const { wrapped, dataKey } = keyring.newDataKey('org-1');
    const sealed = seal(dataKey, 'org-1|agent', 'sk-canary-ü');
    expect(sealed.includes('canary')).toBe(false);
    expect(unseal(new Keyring(OLD).open(wrapped, 'org-1'), 'org-1|agent', sealed)).toBe('sk-canary-ü');
  });

  it('never seals the same text to the same bytes', () => {
    const { dataKey } = new Keyring(OLD).newDataKey();
    expect(seal(dataKey, 'x', 'text').equals(seal(dataKey, 'x', 'text'))).toBe(false);
  });

  it('refuses another purpose, another key and any changed byte', () => {
    const keyring = new Keyring(OLD);
    const { wrapped, dataKey } = keyring.newDataKey('org-1');
    const sealed = seal(dataKey, 'right', 'text');
    expect(() => unseal(dataKey, 'wrong', sealed)).toThrow(failed);
    expect(() => unseal(keyring.newDataKey().dataKey, 'right', sealed)).toThrow(failed);
    expect(() => keyring.open(wrapped, 'org-2')).toThrow(failed);
    expect(() => unseal(dataKey, 'right', Buffer.alloc(0))).toThrow(failed);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(() => unseal(dataKey, 'right', changed)).toThrow(failed);
    }
  });

  it('opens what an earlier master key wrapped and brings it under the present one', () => {
    const { wrapped, dataKey } = new Keyring(OLD).newDataKey('org-1');
    const sealed = seal(dataKey, 'x', 'text');
    const both = new Keyring(NEW, [OLD]);
    expect(both.isCurrent(wrapped)).toBe(false);
    const rewrapped = both.rewrap(wrapped, 'org-1');
    expect(both.isCurrent(rewrapped)).toBe(true);
    expect(unseal(new Keyring(NEW).open(rewrapped, 'org-1'), 'x', sealed)).toBe('text');
    expect(() => new Keyring(NEW).open(wrapped, 'org-1')).toThrow(
      expect.objectContaining({ code: 'unknown_master_key' }),
    );
  });

  it('does not show a key when printed', () => {
    const { dataKey } = new Keyring(OLD).newDataKey();
    expect(JSON.stringify(dataKey)).toBe('{}');
    expect(inspect(dataKey, { depth: 9, showHidden: true })).not.toMatch(/Buffer|[0-9a-f]{32}/);
  });
});
