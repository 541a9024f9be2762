import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx, isUniqueViolation } from '#libs/database';
import type { Role } from '#libs/kernel';
import type { UserRow } from '../accounts/account.repository.js';
import { Newcomers, type Settled } from '../accounts/newcomers.js';
import { PasswordLinks } from '../accounts/password-links.js';
import { Doors } from '../accounts/registrations.js';
import { emailTaken, inactiveAccount } from '../identity.errors.js';
import { Passwords } from '../passwords.js';
import type { Invite } from './invite.repository.js';
import { alreadyMember, inviteAccepted, inviteInvalid } from './team.errors.js';

/** What somebody new may say about themselves; an account that exists stays as it is. */
export interface Acceptance {
  readonly password?: string | undefined;
  readonly fullName?: string | undefined;
}

export interface Accepted {
  /** Of the member: the invite's. */
  readonly id: string;
  readonly userId: string;
  readonly orgId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly joinedAt: Date;
  /** For a new account without a password: sets one, once, within a day. */
  readonly passwordToken: string | null;
  readonly isMailed: boolean;
}

/** How a new account gets its password. */
@Injectable()
export class FirstPasswords {
  constructor(
    @Inject(Passwords) readonly passwords: Passwords,
    @Inject(PasswordLinks) readonly links: PasswordLinks,
  ) {}
}

/** Turns an invite into a membership: of the account with its address, or of a new one. */
@Injectable()
export class InviteAcceptance {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Doors) private readonly doors: Doors,
    @Inject(Newcomers) private readonly newcomers: Newcomers,
    @Inject(FirstPasswords) private readonly first: FirstPasswords,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** The invite behind a token. @throws DomainError `unprocessable` (`invite_invalid`), `conflict` (`invite_accepted`). */
  async look(token: string): Promise<Invite> {
    const invite = await this.doors.invites.find(token);
    if (invite?.isAccepted) throw inviteAccepted();
    if (!invite?.isGood) throw inviteInvalid();
    return invite;
  }

  /** @throws DomainError as `look` does, `conflict` for a member, `forbidden` (inactive account, registration closed). */
  async accept(token: string, wish: Acceptance): Promise<Accepted> {
    const { email } = await this.look(token);
    const hash = wish.password === undefined ? null : await this.first.passwords.hash(wish.password);
    try {
      return await this.database.transaction((tx) => this.join(tx, { token, email, hash, fullName: wish.fullName }));
    } catch (error) {
      if (isUniqueViolation(error, 'memberships_pkey')) throw alreadyMember();
      throw isUniqueViolation(error, 'users_email_key') ? emailTaken() : error;
    }
  }

  private async join(
    tx: Tx,
    by: { token: string; email: string; hash: string | null; fullName: string | undefined },
  ): Promise<Accepted> {
    const invite = await this.doors.invites.accept(tx, by.token, by.email);
    if (!invite) {
      await this.look(by.token);
      throw inviteInvalid();
    }
    const user = await this.doors.accounts.findByEmail(tx, invite.email);
    const name = user?.fullName ?? by.fullName ?? (invite.name || invite.email);
    const settled = user
      ? await this.joinExisting(tx, invite, user)
      : await this.create(tx, invite, { name, hash: by.hash });
    const link = user || by.hash !== null ? undefined : await this.first.links.issue(tx, settled);
    const subject = `user:${settled.userId}`;
    await this.audit.append(tx, invite, done({ subject }, 'member.join', `member:${invite.id}`));
    const issued = { passwordToken: link?.token ?? null, isMailed: link?.isMailed ?? false };
    return { ...settled, ...issued, id: invite.id, email: invite.email, name };
  }

  private async joinExisting(tx: Tx, invite: Invite, user: UserRow): Promise<Settled> {
    if (!user.isActive) throw inactiveAccount();
    if (invite.isProved) await this.newcomers.prove(tx, user);
    return this.newcomers.join(tx, user.id, invite);
  }

  private create(tx: Tx, invite: Invite, as: { name: string; hash: string | null }): Promise<Settled> {
    this.newcomers.requireOpen();
    const { email, isProved } = invite;
    return this.newcomers.settle(tx, { email, fullName: as.name, passwordHash: as.hash, isProved }, invite);
  }
}
