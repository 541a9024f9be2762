import { DomainError } from './errors.js';

/** The nine scopes an API key can hold. Source: agento documentation, Scopes. */
export const SCOPES = [
  'agents:read',
  'agents:write',
  'chat',
  'knowledge:read',
  'knowledge:write',
  'logs',
  'skills',
  'swarms:read',
  'swarms:write',
] as const;
export type ScopeName = (typeof SCOPES)[number];

/** Roles from most to least powerful. */
export const ROLES = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;
export type Role = (typeof ROLES)[number];

/** The organisation a query is limited to: the first argument of every repository method. */
export interface Scope {
  readonly orgId: string;
}

/** Who is asking, decoded once at the HTTP edge. */
export interface Caller extends Scope {
  readonly kind: 'user' | 'apiKey' | 'agent' | 'connection';
  /** Stable name of the credential for limits and default sessions: `user:<id>`, `key:<id>`, `agent:<id>`, `peer:<organisation>:<name>`. */
  readonly subject: string;
  readonly userId?: string;
  readonly keyId?: string;
  readonly agentId?: string;
  readonly sessionId?: string;
  readonly role: Role;
  readonly scopes: readonly ScopeName[];
  /** Ids of the agents and swarms it reaches; without it, all of the organisation. */
  readonly dataScope?: readonly string[];
  readonly isPlatformAdmin: boolean;
}

/** The scopes a role holds: OWNER, ADMIN and MEMBER all nine, VIEWER what only reads. */
export const scopesOfRole = (role: Role): readonly ScopeName[] =>
  role === 'VIEWER' ? SCOPES.filter((scope) => scope.endsWith(':read') || scope === 'logs') : SCOPES;

/** True when `role` is at least as powerful as `least`. */
export const roleAtLeast = (role: Role, least: Role): boolean => ROLES.indexOf(role) <= ROLES.indexOf(least);

/** First line of a use case. @throws DomainError `forbidden` when the caller lacks the scope. */
export function requireScope(caller: Caller, scope: ScopeName): void {
  if (!caller.scopes.includes(scope)) {
    throw new DomainError('forbidden', 'forbidden', `This credential lacks the scope ${scope}`);
  }
}

/** First line of a use case for some roles only. @throws DomainError `forbidden` when the caller's is less. */
export function requireRole(caller: Pick<Caller, 'role'>, least: Role): void {
  if (!roleAtLeast(caller.role, least)) throw new DomainError('forbidden', 'forbidden', `This needs the role ${least}`);
}
