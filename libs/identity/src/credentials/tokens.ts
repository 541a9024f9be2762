import { type KeyObject, createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import passportJwt from 'passport-jwt';
import { type Scope, isUuid } from '#libs/kernel';
import { runStrategy } from './run-strategy.js';

/** Lifetime of an access token. */
export const ACCESS_SECONDS = 30 * 60;
/** Lifetime of a refresh token. */
export const REFRESH_SECONDS = 7 * 24 * 60 * 60;

/** What an access token says; the rest is looked up. */
export interface AccessClaims {
  readonly userId: string;
  readonly orgId: string;
  readonly sessionId: string;
}

/** What a refresh token says. The same claims always give the same token. */
export interface RefreshClaims extends AccessClaims {
  /** Row in `refresh_tokens`. */
  readonly tokenId: string;
  readonly issuedAt: Date;
}

interface Payload {
  readonly sub?: unknown;
  readonly type?: unknown;
  readonly sid?: unknown;
  readonly jti?: unknown;
  readonly iat?: unknown;
  readonly workspace_id?: unknown;
}

/** A capability token as its bearer may read it; the row is what counts. */
export interface CapabilityClaims {
  readonly jti: string;
  readonly peerId: string;
  readonly capabilities: readonly string[];
  readonly maxGpuMinutes: number;
  readonly maxConcurrentTasks: number;
  readonly dataScope: readonly string[];
  readonly parentJti: string | null;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/**
 * Signs and verifies the tokens of login sessions and peers (HS256). The secret is a KeyObject: as a string each verification
 * costs sixty times as much.
 */
export class SessionTokens {
  private readonly key: KeyObject;
  private readonly strategy: passportJwt.Strategy;

  constructor(secret: string) {
    this.key = createSecretKey(Buffer.from(secret));
    this.strategy = new passportJwt.Strategy(
      {
        // The typings know strings and buffers only; the verifier takes a KeyObject.
        secretOrKey: this.key as unknown as Buffer,
        algorithms: ['HS256'],
        jwtFromRequest: (request: unknown) => (request as { token: string }).token,
      },
      (payload: Payload, done: passportJwt.VerifiedCallback) => done(null, payload),
    );
  }

  signAccess(claims: AccessClaims, tokenId: string, email: string, now: Date): string {
    const issuedAt = toSeconds(now);
    return this.sign({
      sub: claims.userId,
      type: 'access',
      email,
      workspace_id: claims.orgId,
      sid: claims.sessionId,
      jti: tokenId,
      iat: issuedAt,
      exp: issuedAt + ACCESS_SECONDS,
    });
  }

  signRefresh(claims: RefreshClaims): string {
    const issuedAt = toSeconds(claims.issuedAt);
    return this.sign({
      sub: claims.userId,
      type: 'refresh',
      workspace_id: claims.orgId,
      sid: claims.sessionId,
      jti: claims.tokenId,
      iat: issuedAt,
      exp: issuedAt + REFRESH_SECONDS,
    });
  }

  signCapability(scope: Scope, claims: CapabilityClaims): string {
    return this.sign({
      sub: claims.peerId,
      type: 'capability',
      workspace_id: scope.orgId,
      jti: claims.jti,
      parent_jti: claims.parentJti,
      capabilities: claims.capabilities,
      limits: { max_gpu_minutes: claims.maxGpuMinutes, max_concurrent_tasks: claims.maxConcurrentTasks },
      data_scope: claims.dataScope,
      iat: toSeconds(claims.issuedAt),
      exp: toSeconds(claims.expiresAt),
    });
  }

  /** @returns the `jti`; undefined for a token that is malformed, expired, badly signed or no capability token. */
  async verifyCapability(token: string): Promise<string | undefined> {
    const payload = await this.verify(token);
    const jti = payload?.type === 'capability' ? payload.jti : undefined;
    return typeof jti === 'string' && isUuid(jti) ? jti : undefined;
  }

  /** @returns undefined for a token that is malformed, expired, badly signed or no access token. */
  async verifyAccess(token: string): Promise<AccessClaims | undefined> {
    const payload = await this.verify(token);
    return payload?.type === 'access' ? accessClaims(payload) : undefined;
  }

  /** @returns undefined for a token that is malformed, expired, badly signed or no refresh token. */
  async verifyRefresh(token: string): Promise<RefreshClaims | undefined> {
    const payload = await this.verify(token);
    const claims = payload?.type === 'refresh' ? accessClaims(payload) : undefined;
    if (!claims || typeof payload?.jti !== 'string' || !isUuid(payload.jti)) return undefined;
    return { ...claims, tokenId: payload.jti, issuedAt: new Date(Number(payload.iat) * 1_000) };
  }

  private verify(token: string): Promise<Payload | undefined> {
    return runStrategy<Payload>(this.strategy, { token });
  }

  private sign(payload: Record<string, unknown>): string {
    return jwt.sign(payload, this.key, { algorithm: 'HS256' });
  }
}

function accessClaims(payload: Payload): AccessClaims | undefined {
  const { sub: userId, workspace_id: orgId, sid: sessionId } = payload;
  const ids = [userId, orgId, sessionId];
  if (!ids.every((id) => typeof id === 'string' && isUuid(id))) return undefined;
  return { userId: userId as string, orgId: orgId as string, sessionId: sessionId as string };
}

const toSeconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
