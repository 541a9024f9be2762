import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { DomainError } from '#libs/kernel';
import { deriveKey } from './keys.js';

const ISSUER = 'rookery';
const RELAY = 'rookery:relay';
const AGENT = 'rookery:agent';
const EGRESS = 'rookery:egress';
const BUILD = 'rookery:build';
const RELAY_LIFETIME_SECONDS = 30;
const CLOCK_SKEW_SECONDS = 5;

/** What the API allows itself to reach through a host's edge. */
export interface RelayClaims {
  readonly hostId: string;
  readonly agentId: string;
  /** The instance epoch the caller read; the edge refuses another. */
  readonly epoch: number;
  /** `host:port` of the agent's gateway as its edge reaches it. */
  readonly endpoint: string;
}

/** Who an agent is at the LLM broker and the agent door. */
export interface AgentClaims {
  readonly agentId: string;
  readonly orgId: string;
  readonly hostId: string;
  /** The instance epoch; the token dies with it. */
  readonly epoch: number;
}

/** Signs claims as an HS256 JWT for one audience. Without `lifetimeSeconds` it does not expire. */
export const signJwt = (key: KeyObject, audience: string, claims: object, lifetimeSeconds?: number): string =>
  jwt.sign({ ...claims }, key, {
    algorithm: 'HS256',
    audience,
    issuer: ISSUER,
    ...(lifetimeSeconds === undefined ? {} : { expiresIn: lifetimeSeconds }),
  });

/** Claims of a token that `signJwt` made for this audience. @throws DomainError `unauthenticated`. */
export function verifyJwt(key: KeyObject, audience: string, token: string): jwt.JwtPayload {
  try {
    const claims = jwt.verify(token, key, {
      algorithms: ['HS256'],
      audience,
      issuer: ISSUER,
      clockTolerance: CLOCK_SKEW_SECONDS,
    });
    if (typeof claims !== 'string') return claims;
  } catch {
    // Which check failed helps nobody but an attacker.
  }
  throw invalidToken();
}

/** A token for one request to one agent, good for 30 s. */
export const signRelayToken = (jwtSecret: string, claims: RelayClaims): string =>
  signJwt(
    deriveKey(jwtSecret, RELAY),
    RELAY,
    { hostId: claims.hostId, agentId: claims.agentId, epoch: claims.epoch, endpoint: claims.endpoint },
    RELAY_LIFETIME_SECONDS,
  );

/** @throws DomainError `unauthenticated` for anything but a fresh token of {@link signRelayToken}. */
export function verifyRelayToken(jwtSecret: string, token: string): RelayClaims {
  const claims = verifyJwt(deriveKey(jwtSecret, RELAY), RELAY, token);
  return {
    hostId: text(claims.hostId),
    agentId: text(claims.agentId),
    epoch: epoch(claims.epoch),
    endpoint: text(claims.endpoint),
  };
}

/** The credential of one agent start. It has no expiry: whoever accepts it compares the epoch with the database. */
export const signAgentToken = (jwtSecret: string, claims: AgentClaims): string =>
  signJwt(deriveKey(jwtSecret, AGENT), AGENT, {
    agentId: claims.agentId,
    orgId: claims.orgId,
    hostId: claims.hostId,
    epoch: claims.epoch,
  });

/** @throws DomainError `unauthenticated` for anything but a token of {@link signAgentToken}. */
export const verifyAgentToken = (jwtSecret: string, token: string): AgentClaims =>
  agentClaims(verifyJwt(deriveKey(jwtSecret, AGENT), AGENT, token));

/**
 * As {@link signAgentToken}, for the egress proxy alone: programs that an agent starts may know it, since it buys no model
 * call and opens no door tool.
 */
export const signEgressToken = (jwtSecret: string, claims: AgentClaims): string =>
  signJwt(deriveKey(jwtSecret, EGRESS), EGRESS, {
    agentId: claims.agentId,
    orgId: claims.orgId,
    hostId: claims.hostId,
    epoch: claims.epoch,
  });

/** @throws DomainError `unauthenticated` for anything but a token of {@link signEgressToken}. */
export const verifyEgressToken = (jwtSecret: string, token: string): AgentClaims =>
  agentClaims(verifyJwt(deriveKey(jwtSecret, EGRESS), EGRESS, token));

/** Who may reach the registries through the egress proxy of a host: one installation of tools. */
export interface BuildClaims {
  readonly hostId: string;
  /** Digest of what is built. */
  readonly digest: string;
}

export const signBuildToken = (jwtSecret: string, claims: BuildClaims, lifetimeSeconds: number): string =>
  signJwt(deriveKey(jwtSecret, BUILD), BUILD, { hostId: claims.hostId, digest: claims.digest }, lifetimeSeconds);

/** @throws DomainError `unauthenticated` for anything but a living token of {@link signBuildToken}. */
export function verifyBuildToken(jwtSecret: string, token: string): BuildClaims {
  const claims = verifyJwt(deriveKey(jwtSecret, BUILD), BUILD, token);
  return { hostId: text(claims.hostId), digest: text(claims.digest) };
}

const agentClaims = (claims: jwt.JwtPayload): AgentClaims => ({
  agentId: text(claims.agentId),
  orgId: text(claims.orgId),
  hostId: text(claims.hostId),
  epoch: epoch(claims.epoch),
});

const invalidToken = (): DomainError =>
  new DomainError('unauthenticated', 'invalid_token', 'The token is not valid or has expired');

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidToken();
  return value;
}

function epoch(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw invalidToken();
  return value as number;
}
