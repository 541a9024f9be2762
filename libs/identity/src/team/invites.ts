import { Inject, Injectable } from '@nestjs/common';
import { sha256 } from '#libs/crypto';
import { Database, type Tx } from '#libs/database';
import { type Role, type Scope, newId } from '#libs/kernel';
import { type Invite, InviteRepository } from './invite.repository.js';
import { TeamTokens } from './team-tokens.js';

const INVITE_MS = 7 * 24 * 60 * 60 * 1_000;

/** The one mechanism of invites, for whoever makes them and whichever way they are accepted. */
@Injectable()
export class Invites {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(InviteRepository) private readonly invites: InviteRepository,
    @Inject(TeamTokens) private readonly tokens: TeamTokens,
  ) {}

  /** Good for seven days and one use. @returns the token, which only its hash is kept of. */
  async make(
    tx: Tx,
    scope: Scope,
    wish: { readonly email: string; readonly name: string; readonly role: Role; readonly invitedBy: string },
  ): Promise<{ id: string; token: string }> {
    const id = newId();
    const expiresAt = new Date(Date.now() + INVITE_MS);
    const token = this.tokens.signInvite({ id, orgId: scope.orgId, expiresAt }, 'answer');
    await this.invites.insert(tx, scope, { ...wish, id, expiresAt, tokenHash: sha256(token) });
    return { id, token };
  }

  /** Seven more days for an open invite. @returns its new token; the one that was answered before is void. */
  async renew(tx: Tx, scope: Scope, id: string): Promise<string> {
    const expiresAt = new Date(Date.now() + INVITE_MS);
    const token = this.tokens.signInvite({ id, orgId: scope.orgId, expiresAt }, 'answer');
    await this.invites.renew(tx, scope, id, { tokenHash: sha256(token), expiresAt });
    return token;
  }

  /** The invite behind a token, good or not; undefined when there is none. */
  find(token: string): Promise<Invite | undefined> {
    return this.invites.find(this.database, this.tokens.readInvite(token));
  }

  /** Uses an invite up. @returns undefined when it is not good, or for another address. */
  accept(tx: Tx, token: string, email: string): Promise<Invite | undefined> {
    return this.invites.accept(tx, this.tokens.readInvite(token), email);
  }

  makeRoom(tx: Tx, scope: Scope, email: string): Promise<boolean> {
    return this.invites.makeRoom(tx, scope, email);
  }

  countOfToday(tx: Tx, scope: Scope): Promise<number> {
    return this.invites.countOfToday(tx, scope);
  }
}
