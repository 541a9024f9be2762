import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { Tx } from '#libs/database';
import { type Role, newId } from '#libs/kernel';
import { registrationClosed } from '../identity.errors.js';
import { OrganisationRepository } from '../organisations/organisation.repository.js';
import type { Invite } from '../team/invite.repository.js';
import { AccountRepository } from './account.repository.js';

export interface Person {
  readonly email: string;
  readonly fullName: string;
  readonly passwordHash: string | null;
  /** They have shown that they read the mail of the address. */
  readonly isProved: boolean;
}

/** A person in an organisation. */
export interface Settled {
  readonly userId: string;
  readonly orgId: string;
  readonly role: Role;
  readonly joinedAt: Date;
}

/** Writes accounts and memberships, for every way in: registration, invite, sign-in elsewhere. */
@Injectable()
export class Newcomers {
  constructor(
    @Inject(AccountRepository) private readonly accounts: AccountRepository,
    @Inject(OrganisationRepository) private readonly organisations: OrganisationRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws DomainError `forbidden` where no accounts are made. */
  requireOpen(): void {
    if (this.config.security.registration === 'closed') throw registrationClosed();
  }

  /** New accounts come by invite alone. */
  get needInvites(): boolean {
    return this.config.security.registration === 'invite';
  }

  /** A new account, in the organisation of the invite or in a new one of its own. */
  async settle(tx: Tx, person: Person, invite: Invite | undefined): Promise<Settled> {
    const { email, fullName, passwordHash, isProved } = person;
    const [userId, isPlatformAdmin] = [newId(), isProved && this.isAdminEmail(email)];
    await this.accounts.insert(tx, { id: userId, email, fullName, passwordHash, isProved, isPlatformAdmin });
    if (invite) return this.join(tx, userId, invite);
    const orgId = newId();
    await this.organisations.insert(tx, orgId, `${fullName}'s workspace`);
    return { userId, orgId, role: 'OWNER', joinedAt: await this.accounts.addMember(tx, { orgId }, userId, 'OWNER') };
  }

  /** An account that exists joins the organisation of an invite. */
  async join(tx: Tx, userId: string, invite: Invite): Promise<Settled> {
    const { orgId, role } = invite;
    return { userId, orgId, role, joinedAt: await this.accounts.addMember(tx, invite, userId, role, invite) };
  }

  /** The holder of an account has shown that they read the mail of its address. */
  prove(tx: Tx, user: { readonly id: string; readonly email: string }): Promise<void> {
    return this.accounts.prove(tx, user.id, this.isAdminEmail(user.email));
  }

  private isAdminEmail(email: string): boolean {
    return this.config.security.adminEmails.includes(email.toLowerCase());
  }
}
