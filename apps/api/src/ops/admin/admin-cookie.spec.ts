import { describe, expect, it } from '@jest/globals';
import { adminCookie, adminTokenOf, clearedAdminCookie } from './admin-cookie.js';

describe('the admin cookie', () => {
  it('is out of reach of scripts, other sites and other paths', () => {
    expect(adminCookie('a.b.c', 1800, false)).toBe(
      'rookery_admin=a.b.c; Path=/admin; Max-Age=1800; HttpOnly; SameSite=Strict',
    );
  });

  it('stays on TLS where there is TLS', () => {
    expect(adminCookie('a.b.c', 1800, true)).toMatch(/; Secure$/);
  });

  it('is found among others', () => {
    expect(adminTokenOf('theme=dark; rookery_admin=a.b.c; x=1')).toBe('a.b.c');
    expect(adminTokenOf('not_rookery_admin=a.b.c')).toBeUndefined();
    expect(adminTokenOf(undefined)).toBeUndefined();
  });

  it('can be taken away', () => {
    expect(clearedAdminCookie(false)).toContain('Max-Age=0');
    expect(adminTokenOf('rookery_admin=')).toBeUndefined();
  });
});
