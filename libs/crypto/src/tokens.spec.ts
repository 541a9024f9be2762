import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { deriveKey, gatewayToken, sameSecret } from './keys.js';
import {
  signAgentToken,
  signEgressToken,
  signRelayToken,
  verifyAgentToken,
  verifyEgressToken,
  verifyRelayToken,
} from './tokens.js';

const SECRET = 'a-test-secret-of-at-least-32-characters';
const relay = { hostId: 'h1', agentId: 'a1', epoch: 7, endpoint: '127.0.0.1:4567' };
const agent = { agentId: 'a1', orgId: 'o1', hostId: 'h1', epoch: 7 };
const refused = expect.objectContaining({ kind: 'unauthenticated' });

describe('relay and agent tokens', () => {
  it('carry their claims', () => {
    expect(verifyRelayToken(SECRET, signRelayToken(SECRET, relay))).toEqual(relay);
    expect(verifyAgentToken(SECRET, signAgentToken(SECRET, agent))).toEqual(agent);
    expect(verifyEgressToken(SECRET, signEgressToken(SECRET, agent))).toEqual(agent);
  });

  it('give a relay token 30 seconds and an agent token no end', () => {
    const claims = jwt.decode(signRelayToken(SECRET, relay)) as jwt.JwtPayload;
    expect(claims.exp! - claims.iat!).toBe(30);
    expect(jwt.decode(signAgentToken(SECRET, agent))).not.toHaveProperty('exp');
  });

  it('are refused when expired, forged, unsigned, of another secret or of another purpose', () => {
    const options = { audience: 'rookery:relay', issuer: 'rookery' } as const;
    const key = deriveKey(SECRET, 'rookery:relay');
    const wrong = [
      jwt.sign({ ...relay, exp: 1 }, key, options),
      jwt.sign(relay, key, { ...options, algorithm: 'HS512' }),
      jwt.sign(relay, '', { ...options, algorithm: 'none' }),
      jwt.sign(relay, key, { ...options, issuer: 'elsewhere' }),
      jwt.sign({ ...relay, epoch: 'seven' }, key, options),
      signRelayToken(`${SECRET}!`, relay),
      signAgentToken(SECRET, agent),
      'not a token',
      '',
    ];
    for (const token of wrong) expect(() => verifyRelayToken(SECRET, token)).toThrow(refused);
    expect(() => verifyAgentToken(SECRET, signRelayToken(SECRET, relay))).toThrow(refused);
    expect(() => verifyAgentToken(SECRET, signEgressToken(SECRET, agent))).toThrow(refused);
    expect(() => verifyEgressToken(SECRET, signAgentToken(SECRET, agent))).toThrow(refused);
  });
});

describe('derived secrets', () => {
  it('differ by purpose, agent and epoch', () => {
    expect(deriveKey(SECRET, 'a').equals(deriveKey(SECRET, 'b'))).toBe(false);
    expect(gatewayToken(SECRET, 'a1', 1)).toBe(gatewayToken(SECRET, 'a1', 1));
    const tokens = [gatewayToken(SECRET, 'a1', 1), gatewayToken(SECRET, 'a1', 2), gatewayToken(SECRET, 'a2', 1)];
    expect(new Set(tokens).size).toBe(3);
  });

  it('compare by value', () => {
    expect(sameSecret('abc', 'abc')).toBe(true);
    expect(sameSecret('abc', 'abcd')).toBe(false);
  });
});
