import { describe, expect, it } from '@jest/globals';
import { type Caller, DomainError, scopesOfRole } from '#libs/kernel';
import { authorise, policyOf, policyProblems } from './policy.js';

const caller = (overrides: Partial<Caller> = {}): Caller => ({
  kind: 'user',
  subject: 'user:1',
  orgId: 'o',
  role: 'MEMBER',
  scopes: scopesOfRole('MEMBER'),
  isPlatformAdmin: false,
  ...overrides,
});
const verdict = (...args: Parameters<typeof authorise>): string => {
  try {
    authorise(...args);
    return 'in';
  } catch (error) {
    return (error as DomainError).kind;
  }
};

describe('authorise', () => {
  it('lets anybody into public routes and routes that guard themselves', () => {
    expect([verdict({ who: ['public'] }, undefined), verdict({ who: ['self'] }, undefined)]).toEqual(['in', 'in']);
  });

  it('asks for a credential before it says that one is not enough', () => {
    expect(verdict({ who: ['user'], role: 'OWNER' }, undefined)).toBe('unauthenticated');
  });

  it('refuses kinds of caller that the row does not name', () => {
    expect(verdict({ who: ['user'] }, caller({ kind: 'apiKey' }))).toBe('forbidden');
    expect(verdict({ who: ['user', 'key'] }, caller({ kind: 'apiKey' }))).toBe('in');
    expect(verdict({ who: ['agent'] }, caller())).toBe('forbidden');
  });

  it('lets a peer call what a key may, where a scope is asked for', () => {
    const peer = caller({ kind: 'connection', scopes: ['chat'] });
    expect(verdict({ who: ['user', 'key'], scope: 'chat' }, peer)).toBe('in');
    expect(verdict({ who: ['user', 'key'], scope: 'logs' }, peer)).toBe('forbidden');
    expect(verdict({ who: ['user', 'key'] }, peer)).toBe('forbidden');
    expect(verdict({ who: ['user'], scope: 'chat' }, peer)).toBe('forbidden');
  });

  it('refuses a role below the least and a missing scope', () => {
    expect(verdict({ who: ['user'], role: 'ADMIN' }, caller())).toBe('forbidden');
    expect(verdict({ who: ['user'], role: 'ADMIN' }, caller({ role: 'OWNER' }))).toBe('in');
    expect(verdict({ who: ['key'], scope: 'chat' }, caller({ kind: 'apiKey', scopes: ['logs'] }))).toBe('forbidden');
    expect(verdict({ who: ['key'], scope: 'chat' }, caller({ kind: 'apiKey', scopes: ['chat'] }))).toBe('in');
  });

  it('takes only users for platform admins', () => {
    const row = { who: ['platformAdmin'] } as const;
    expect(verdict(row, caller({ isPlatformAdmin: true }))).toBe('in');
    expect(verdict(row, caller({ role: 'OWNER' }))).toBe('forbidden');
    expect(verdict(row, caller({ isPlatformAdmin: true, kind: 'apiKey' }))).toBe('forbidden');
  });
});

describe('the policy table', () => {
  const table = { 'GET /a/:id': { who: ['user'] }, 'ALL /docs/*': { who: ['public'] } } as const;

  it('covers HEAD by GET and a plugin by its prefix', () => {
    expect(policyOf(table, 'HEAD', '/a/:id')).toBe(table['GET /a/:id']);
    expect(policyOf(table, 'GET', '/docs/agento/x')).toBe(table['ALL /docs/*']);
    expect(policyOf(table, 'GET', '/docs')).toBe(table['ALL /docs/*']);
    expect(policyOf(table, 'GET', '/docsx')).toBeUndefined();
    expect(policyOf(table, 'POST', '/a/:id')).toBeUndefined();
  });

  it('names routes without a row and rows without a route', () => {
    expect(
      policyProblems(table, [
        { method: 'GET', path: '/a/:id' },
        { method: 'POST', path: '/a' },
      ]),
    ).toEqual(['route POST /a has no row in the policy table', 'row ALL /docs/* of the policy table has no route']);
  });
});
