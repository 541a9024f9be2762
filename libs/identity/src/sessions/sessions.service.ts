import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditEvent } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Caller, type Scope, newId } from '#libs/kernel';
import { addressKey } from '#libs/rate-limit';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { REFRESH_SECONDS, type RefreshClaims, SessionTokens } from '../credentials/tokens.js';
import { invalidRefreshToken } from '../identity.errors.js';
import { type RefreshState, SessionRepository } from './session.repository.js';

/** How long a used refresh token still gives its successor, for clients that refresh twice at once. */
const GRACE_SECONDS = 10;

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

interface Holder extends Scope {
  readonly userId: string;
  readonly email: string;
  /** The client's address, when a person signs in from it. */
  readonly address?: string;
}

/** Login sessions: a family of refresh tokens, each good for one use, and the access tokens they give. */
@Injectable()
export class SessionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SessionRepository) private readonly sessions: SessionRepository,
    @Inject(SessionTokens) private readonly tokens: SessionTokens,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  async open(tx: Tx, holder: Holder): Promise<TokenPair> {
    const sessionId = newId();
    await this.sessions.open(tx, holder, { id: sessionId, userId: holder.userId, seconds: REFRESH_SECONDS });
    if (holder.address !== undefined) await this.trust(tx, holder.userId, holder.address);
    const metadata = { address: holder.address ?? null };
    await this.note(tx, holder, sessionId, { type: 'AUTHENTICATION_SUCCESS', action: 'session.open', metadata });
    return this.issue(tx, holder, sessionId, newId());
  }

  /**
   * Trades a refresh token for its successor. Within 10 s of the first use the same successor is given again; later
   * use means that the token was stolen from one side or the other, and ends the session.
   * @throws DomainError `unauthenticated` for a token that is not (or no longer) good.
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    const claims = await this.tokens.verifyRefresh(refreshToken);
    if (!claims) throw invalidRefreshToken();
    const pair = await this.database.transaction(async (tx) => {
      const state = await this.sessions.lockToken(tx, claims, claims, GRACE_SECONDS);
      if (!state?.alive || !state.isActive || state.expired) return undefined;
      const holder = { orgId: claims.orgId, userId: claims.userId, email: state.email };
      if (state.used) return this.again(tx, holder, claims, state);
      const successorId = newId();
      await this.sessions.markUsed(tx, claims, claims.tokenId, successorId);
      await this.note(tx, holder, claims.sessionId, { type: 'TOKEN_RENEWED', action: 'session.refresh' });
      return this.issue(tx, holder, claims.sessionId, successorId);
    });
    if (!pair) throw invalidRefreshToken();
    return pair;
  }

  /** Ends the caller's session: its tokens stop working on every replica. */
  async logout(caller: Caller): Promise<void> {
    if (caller.sessionId === undefined) return;
    const sessionId = caller.sessionId;
    await this.database.transaction(async (tx) => {
      await this.sessions.revoke(tx, caller, sessionId, 'logout');
      await this.note(tx, caller, sessionId, { type: 'TOKEN_REVOKED', action: 'session.close' });
      this.announce(tx, sessionId);
    });
  }

  /** Ends the user's other sessions, in the transaction that changes the password. */
  async endOthers(tx: Tx, userId: string, keptSessionId: string | undefined): Promise<void> {
    const ended = await this.sessions.revokeOthers(tx, userId, keptSessionId);
    ended.forEach((sessionId) => this.announce(tx, sessionId));
  }

  /** The user has proved who they are from this address: guesses of strangers don't lock it out. */
  trust(tx: Tx, userId: string, address: string): Promise<void> {
    return this.sessions.rememberNetwork(tx, userId, addressKey(address));
  }

  /** Deletes what expired over a day ago, and networks of 90 days ago, a bounded batch at a time. */
  async sweep(batch: number): Promise<void> {
    await this.sessions.sweep(this.database, batch);
    await this.sessions.sweepNetworks(this.database, batch);
  }

  private async again(
    tx: Tx,
    holder: Holder,
    claims: RefreshClaims,
    state: RefreshState,
  ): Promise<TokenPair | undefined> {
    if (state.inGrace && state.successorId && state.successorIssuedAt) {
      return this.pair(holder, claims.sessionId, state.successorId, state.successorIssuedAt);
    }
    await this.sessions.revoke(tx, claims, claims.sessionId, 'refresh_token_reused');
    const reason = 'refresh_token_reused';
    await this.note(tx, claims, claims.sessionId, { type: 'TOKEN_REVOKED', action: 'session.close', reason });
    this.announce(tx, claims.sessionId);
    return undefined;
  }

  private async issue(tx: Tx, holder: Holder, sessionId: string, tokenId: string): Promise<TokenPair> {
    const issuedAt = await this.sessions.addToken(tx, holder, { id: tokenId, sessionId, seconds: REFRESH_SECONDS });
    return this.pair(holder, sessionId, tokenId, issuedAt);
  }

  private pair(holder: Holder, sessionId: string, tokenId: string, issuedAt: Date): TokenPair {
    const claims = { userId: holder.userId, orgId: holder.orgId, sessionId };
    return {
      accessToken: this.tokens.signAccess(claims, tokenId, holder.email, issuedAt),
      refreshToken: this.tokens.signRefresh({ ...claims, tokenId, issuedAt }),
    };
  }

  private note(
    tx: Tx,
    user: Scope & { readonly userId?: string },
    sessionId: string,
    event: Pick<AuditEvent, 'type' | 'action' | 'reason' | 'metadata'>,
  ): Promise<void> {
    const subject = `user:${user.userId ?? ''}`;
    return this.audit.append(tx, user, { ...event, subject, resource: `session:${sessionId}`, result: 'success' });
  }

  private announce(tx: Tx, sessionId: string): void {
    this.notices.notifyAfter(tx, CREDENTIAL_TOPIC, sessionId);
  }
}
