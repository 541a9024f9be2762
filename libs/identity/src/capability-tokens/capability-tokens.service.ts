import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditEventType } from '#libs/audit';
import type { Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Caller, DomainError, type Page, invalid, newId, notFound, requireScope, roleAtLeast } from '#libs/kernel';
import { type CounterMetric, Metrics } from '#libs/observability';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { SessionTokens } from '../credentials/tokens.js';
import { type CapabilityToken, isCapability, scopesAmong } from './capability-token.js';
import { CapabilityTokenRepository, type ListTokens, type NewToken } from './capability-token.repository.js';

/** How long a token that was rotated still works beside its successor. */
export const GRACE_SECONDS = 5 * 60;
const MOST_TOKENS = 1_000;

export interface IssueToken {
  readonly peerId: string;
  readonly capabilities: readonly string[];
  readonly maxGpuMinutes: number;
  readonly maxConcurrentTasks: number;
  readonly dataScope: readonly string[];
  readonly expiresInSeconds: number;
}

/** A token just made; `token` is shown this once. */
export type IssuedToken = CapabilityToken & { readonly token: string };

/** Capability tokens: made by owners and admins for peers, never stronger than their maker. */
@Injectable()
export class CapabilityTokensService {
  private readonly issued: CounterMetric<never>;
  private readonly revoked: CounterMetric<never>;

  constructor(
    @Inject(CapabilityTokenRepository) private readonly repository: CapabilityTokenRepository,
    @Inject(SessionTokens) private readonly tokens: SessionTokens,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.issued = metrics.counter('openclaw_tokens_issued_total', 'Capability tokens issued, by rotation too');
    this.revoked = metrics.counter('openclaw_tokens_revoked_total', 'Capability tokens revoked');
  }

  /**
   * @throws DomainError `forbidden` below ADMIN or for a scope that the caller lacks, `validation` for an unknown
   * capability or a data scope that is not the organisation's, `plan_limit` at 1,000 tokens.
   */
  async issue(caller: Caller, wish: IssueToken): Promise<IssuedToken> {
    const createdBy = adminOf(caller);
    requireCapabilities(caller, wish.capabilities);
    const dataScope = [...new Set(wish.dataScope.map((id) => id.toLowerCase()))];
    const { peerId, maxGpuMinutes, maxConcurrentTasks, expiresInSeconds } = wish;
    const capabilities = [...new Set(wish.capabilities)];
    const limits = { maxGpuMinutes, maxConcurrentTasks };
    const token: NewToken = { jti: newId(), peerId, capabilities, ...limits, dataScope, parentJti: null, createdBy };
    const row = await this.repository.database.transaction(async (tx) => {
      if ((await this.repository.countLocked(tx, caller)) >= MOST_TOKENS) throw tooManyTokens();
      if ((await this.repository.countReachable(tx, caller, dataScope)) < dataScope.length) throw unknownScope();
      await this.note(tx, caller, 'TOKEN_ISSUED', 'token.issue', token);
      return this.repository.insert(tx, caller, token, expiresInSeconds);
    });
    this.issued.inc({});
    return { ...row, token: this.tokens.signCapability(caller, row) };
  }

  /** Those that were not revoked, newest first. @throws DomainError `forbidden`. */
  async list(caller: Caller, query: ListTokens): Promise<Page<CapabilityToken>> {
    adminOf(caller);
    return this.repository.list(caller, query);
  }

  /**
   * Puts another token in the place of one, which still works for five minutes. `name` is the id, or what lists show.
   * @param extendsBySeconds - how much later than the old one it expires; without it, it lives as long from now on.
   * @throws DomainError `not_found`, `unprocessable` (`token_not_rotatable`) when it is expired, revoked or rotated.
   */
  async rotate(caller: Caller, name: string, extendsBySeconds?: number): Promise<IssuedToken> {
    const createdBy = adminOf(caller);
    const row = await this.repository.database.transaction(async (tx) => {
      const old = await this.repository.lock(tx, caller, name);
      if (!old) throw notFound('Token');
      const { isExpired, isRevoked, isRotated, issuedAt, expiresAt, ...same } = old;
      if (isExpired || isRevoked || isRotated)
        throw notRotatable(isRevoked ? 'revoked' : isRotated ? 'rotated' : 'expired');
      requireCapabilities(caller, same.capabilities);
      const next: NewToken = { ...same, jti: newId(), parentJti: old.jti, createdBy };
      const lifetime = Math.ceil((expiresAt.getTime() - issuedAt.getTime()) / 1_000);
      await this.repository.retire(tx, caller, old.jti, GRACE_SECONDS);
      await this.note(tx, caller, 'TOKEN_RENEWED', 'token.rotate', next);
      this.announce(tx, old.jti);
      return extendsBySeconds === undefined
        ? this.repository.insert(tx, caller, next, lifetime)
        : this.repository.insert(tx, caller, next, extendsBySeconds, expiresAt);
    });
    this.issued.inc({});
    return { ...row, token: this.tokens.signCapability(caller, row) };
  }

  /** It stops working on every replica. @throws DomainError `not_found`. */
  async revoke(caller: Caller, name: string): Promise<void> {
    adminOf(caller);
    await this.repository.database.transaction(async (tx) => {
      const token = await this.repository.lock(tx, caller, name);
      if (!token || token.isRevoked) throw notFound('Token');
      await this.repository.revoke(tx, caller, token.jti);
      await this.note(tx, caller, 'TOKEN_REVOKED', 'token.revoke', token);
      this.announce(tx, token.jti);
    });
    this.revoked.inc({});
  }

  /** Deletes what expired over 30 days ago, a bounded batch at a time. */
  sweep(batch: number): Promise<void> {
    return this.repository.sweep(batch);
  }

  private announce(tx: Tx, jti: string): void {
    this.notices.notifyAfter(tx, CREDENTIAL_TOPIC, `token:${jti}`);
  }

  private note(
    tx: Tx,
    caller: Caller,
    type: AuditEventType,
    action: string,
    { jti, peerId, capabilities }: Pick<CapabilityToken, 'jti' | 'peerId' | 'capabilities'>,
  ): Promise<void> {
    const metadata = { peer_id: peerId, capabilities: capabilities.join(' ') };
    const { subject } = caller;
    return this.audit.append(tx, caller, {
      type,
      subject,
      action,
      resource: `token:${jti}`,
      result: 'success',
      metadata,
    });
  }
}

function adminOf(caller: Caller): string {
  if (caller.kind !== 'user' || caller.userId === undefined || !roleAtLeast(caller.role, 'ADMIN')) {
    throw new DomainError('forbidden', 'forbidden', 'Capability tokens are for users with the role ADMIN');
  }
  return caller.userId;
}

function requireCapabilities(caller: Caller, capabilities: readonly string[]): void {
  const unknown = capabilities.findIndex((name) => !isCapability(name));
  if (unknown >= 0) {
    const message = 'capabilities are scopes such as agents:read, and names such as can_execute:llama-2-7b';
    throw invalid(message, [{ path: ['body', 'capabilities', unknown], message, type: 'value_error' }]);
  }
  scopesAmong(capabilities).forEach((scope) => requireScope(caller, scope));
}

const unknownScope = (): DomainError => {
  const message = 'data_scope must hold ids of agents and swarms of this workspace';
  return invalid(message, [{ path: ['body', 'data_scope'], message, type: 'value_error' }]);
};

const notRotatable = (why: string): DomainError =>
  new DomainError('unprocessable', 'token_not_rotatable', `This token was ${why}; issue another one`);

const tooManyTokens = (): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `An organisation can have at most ${MOST_TOKENS} tokens`, {
    limit: MOST_TOKENS,
  });
