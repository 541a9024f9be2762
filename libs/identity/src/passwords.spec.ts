import { describe, expect, it } from '@jest/globals';
import { Passwords, passwordWeakness } from './passwords.js';

describe('Passwords', () => {
  const passwords = new Passwords();

  it('makes argon2id hashes of 19 MiB, two passes, one lane', async () => {
    expect(await passwords.hash('SecurePass123!')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('accepts the password and nothing else', async () => {
    const hash = await passwords.hash('SecurePass123!');
    expect(await passwords.verify(hash, 'SecurePass123!')).toBe(true);
    expect(await passwords.verify(hash, 'securepass123!')).toBe(false);
  });

  it('accepts nothing for a user without a hash, not even the decoy', async () => {
    expect(await passwords.verify(undefined, 'a password nobody has')).toBe(false);
    expect(await passwords.verify(null, '')).toBe(false);
  });

  it('refuses with a time to try again when too many are waiting', async () => {
    const crowd = Array.from({ length: 230 }, () => passwords.hash('SecurePass123!'));
    const results = await Promise.allSettled(crowd);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(28);
    expect(refused[0]?.reason).toMatchObject({ kind: 'unavailable', details: { retryAfterSeconds: 2 } });
  }, 60_000);
});

describe('passwordWeakness', () => {
  it.each([
    ['Ab1defg', 'at least 8'],
    ['abcdefg1', 'uppercase'],
    ['ABCDEFG1', 'lowercase'],
    ['Abcdefgh', 'digit'],
    [`Ab1${'x'.repeat(254)}`, 'at most 256'],
  ])('refuses %s', (password, reason) => {
    expect(passwordWeakness(password)).toContain(reason);
  });

  it('accepts letters of any alphabet', () => {
    expect(passwordWeakness('Пароль12')).toBeUndefined();
    expect(passwordWeakness('SecurePass123!')).toBeUndefined();
  });
});
