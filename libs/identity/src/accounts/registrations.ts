import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database, type Tx, isUniqueViolation } from '#libs/database';
import { type Role, newId } from '#libs/kernel';
import { emailTaken, inviteNeeded, registrationClosed } from '../identity.errors.js';
import { type Invite, OrganisationRepository } from '../organisations/organisation.repository.js';
import { Passwords } from '../passwords.js';
import { AccountRepository } from './account.repository.js';

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly fullName: string;
  /** Id or slug of an organisation; it is joined only with an invite. Unknown text gives a new organisation. */
  readonly workspace?: string | undefined;
  readonly inviteToken?: string | undefined;
}

export interface Registered {
  readonly userId: string;
  readonly orgId: string;
  readonly email: string;
  readonly fullName: string;
}

interface Place {
  readonly orgId: string;
  readonly role: Role;
  readonly invite: Invite | undefined;
}

/** Makes accounts. It never lets anybody into an existing organisation without an invite for their address. */
@Injectable()
export class Registrations {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AccountRepository) private readonly accounts: AccountRepository,
    @Inject(OrganisationRepository) private readonly organisations: OrganisationRepository,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws DomainError `conflict` (`email_taken`) or `forbidden` (closed, or an invite is needed). */
  async register(registration: Registration): Promise<Registered> {
    if (this.config.security.registration === 'closed') throw registrationClosed();
    if (await this.accounts.findByEmail(this.database, registration.email)) throw emailTaken();
    const passwordHash = await this.passwords.hash(registration.password);
    const { email, fullName } = registration;
    const userId = newId();
    try {
      return await this.database.transaction(async (tx) => {
        const { orgId, role, invite } = await this.place(tx, registration);
        // Only an invite proves the address; otherwise anybody could claim an operator's.
        const isPlatformAdmin = invite !== undefined && this.isAdminEmail(email);
        await this.accounts.insert(tx, { id: userId, email, fullName, passwordHash, isPlatformAdmin });
        await this.accounts.addMember(tx, { orgId }, userId, role);
        return { userId, orgId, email, fullName };
      });
    } catch (error) {
      throw isUniqueViolation(error, 'users_email_key') ? emailTaken() : error;
    }
  }

  private async place(tx: Tx, registration: Registration): Promise<Place> {
    const { workspace, inviteToken, email } = registration;
    const invite = inviteToken ? await this.organisations.acceptInvite(tx, inviteToken, email) : undefined;
    const existing = workspace ? await this.organisations.findByIdOrSlug(tx, workspace) : undefined;
    const misplaced = existing !== undefined && existing.id !== invite?.orgId;
    const uninvited = invite === undefined && (inviteToken || this.config.security.registration === 'invite');
    if (misplaced || uninvited) throw inviteNeeded();
    if (invite) return { orgId: invite.orgId, role: invite.role, invite };
    const orgId = newId();
    await this.organisations.insert(tx, orgId, `${registration.fullName}'s workspace`);
    return { orgId, role: 'OWNER', invite: undefined };
  }

  private isAdminEmail(email: string): boolean {
    return this.config.security.adminEmails.includes(email.toLowerCase());
  }
}
