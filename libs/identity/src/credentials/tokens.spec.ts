import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { newId } from '#libs/kernel';
import { SessionTokens } from './tokens.js';

const SECRET = 'a secret of at least thirty-two characters';
const tokens = new SessionTokens(SECRET);
const claims = { userId: newId(), orgId: newId(), sessionId: newId() };
const access = (now = new Date()): string => tokens.signAccess(claims, newId(), 'dev@example.com', now);
const refresh = { ...claims, tokenId: newId(), issuedAt: new Date(Math.floor(Date.now() / 1_000) * 1_000) };

describe('SessionTokens', () => {
  it('reads back what it signed', async () => {
    expect(await tokens.verifyAccess(access())).toEqual(claims);
    expect(await tokens.verifyRefresh(tokens.signRefresh(refresh))).toEqual(refresh);
  });

  it('carries the documented claims', () => {
    expect(jwt.decode(access(), { complete: true })).toMatchObject({
      header: { alg: 'HS256' },
      payload: {
        sub: claims.userId,
        type: 'access',
        email: 'dev@example.com',
        workspace_id: claims.orgId,
        jti: expect.any(String),
        iat: expect.any(Number),
        exp: expect.any(Number),
      },
    });
  });

  it('keeps access and refresh tokens apart', async () => {
    expect(await tokens.verifyRefresh(access())).toBeUndefined();
    expect(await tokens.verifyAccess(tokens.signRefresh(refresh))).toBeUndefined();
  });

  it('signs the same refresh claims to the same token', () => {
    expect(tokens.signRefresh(refresh)).toBe(tokens.signRefresh({ ...refresh }));
  });

  it('refuses an access token after 30 minutes and a refresh token after 7 days', async () => {
    const ago = (ms: number): Date => new Date(Date.now() - ms);
    expect(await tokens.verifyAccess(access(ago(29 * 60_000)))).toEqual(claims);
    expect(await tokens.verifyAccess(access(ago(31 * 60_000)))).toBeUndefined();
    const old = tokens.signRefresh({ ...refresh, issuedAt: ago(7 * 86_400_000 + 2_000) });
    expect(await tokens.verifyRefresh(old)).toBeUndefined();
  });

  it.each([
    ['another secret', jwt.sign({ sub: claims.userId, type: 'access' }, 'another secret of thirty-two characters')],
    [
      'no signature',
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`,
    ],
    ['another algorithm', jwt.sign({ type: 'access' }, SECRET, { algorithm: 'HS512' })],
    ['no claims', jwt.sign({ type: 'access' }, SECRET, { algorithm: 'HS256' })],
    ['nonsense', 'nonsense'],
    ['nothing', ''],
  ])('refuses a token with %s', async (_what, token) => {
    expect(await tokens.verifyAccess(token)).toBeUndefined();
  });
});
