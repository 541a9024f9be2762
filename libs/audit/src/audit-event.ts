import type { Caller, Scope } from '#libs/kernel';

/** What kind of thing happened. Source: agent402, `GET /security/audit-logs`. */
export const AUDIT_EVENT_TYPES = [
  'AUTHENTICATION_SUCCESS',
  'AUTHENTICATION_FAILURE',
  'AUTHORIZATION_SUCCESS',
  'AUTHORIZATION_FAILURE',
  'TOKEN_ISSUED',
  'TOKEN_RENEWED',
  'TOKEN_REVOKED',
  'SIGNATURE_VERIFIED',
  'SIGNATURE_FAILED',
] as const;
export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/** How it ended. */
export const AUDIT_RESULTS = ['success', 'failure', 'denied', 'verified', 'invalid'] as const;
export type AuditResult = (typeof AUDIT_RESULTS)[number];

/** What happened, as whoever writes it says. Never put a secret in it: it is read by people and kept for a year. */
export interface AuditEvent {
  readonly type: AuditEventType;
  /** Who did it: the caller's `subject`, `system`, or `anonymous`. */
  readonly subject: string;
  /** What was done, `thing.verb`: `agent.start`, `secret.write`, `member.remove`. */
  readonly action: string;
  /** What it was done to: `agent:<id>`, `route:GET /v1/agents`. */
  readonly resource: string;
  readonly result: AuditResult;
  /** Why it ended so, a code or a short sentence. */
  readonly reason?: string | undefined;
  /** Flat further facts. */
  readonly metadata?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Where what concerns no organisation is written: failed sign-ins of unknown users, operators' actions. */
export const PLATFORM_SCOPE: Scope = { orgId: '00000000-0000-0000-0000-000000000000' };

/** An action a caller was let do: the usual event of a use case. */
export const done = (
  caller: Pick<Caller, 'subject'>,
  action: string,
  resource: string,
  metadata: NonNullable<AuditEvent['metadata']> = {},
): AuditEvent => ({
  type: 'AUTHORIZATION_SUCCESS',
  subject: caller.subject,
  action,
  resource,
  result: 'success',
  metadata,
});
