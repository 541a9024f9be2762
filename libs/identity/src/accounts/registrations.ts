import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, isUniqueViolation } from '#libs/database';
import { emailTaken, inviteNeeded } from '../identity.errors.js';
import { OrganisationRepository } from '../organisations/organisation.repository.js';
import { Passwords } from '../passwords.js';
import type { Invite } from '../team/invite.repository.js';
import { Invites } from '../team/invites.js';
import { AccountRepository } from './account.repository.js';
import { Newcomers } from './newcomers.js';

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

/** What registering asks before it lets somebody in. */
@Injectable()
export class Doors {
  constructor(
    @Inject(AccountRepository) readonly accounts: AccountRepository,
    @Inject(OrganisationRepository) readonly organisations: OrganisationRepository,
    @Inject(Invites) readonly invites: Invites,
  ) {}
}

/** Makes accounts. It never lets anybody into an existing organisation without an invite for their address. */
@Injectable()
export class Registrations {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Doors) private readonly doors: Doors,
    @Inject(Newcomers) private readonly newcomers: Newcomers,
    @Inject(Passwords) private readonly passwords: Passwords,
  ) {}

  /** @throws DomainError `conflict` (`email_taken`) or `forbidden` (closed, or an invite is needed). */
  async register(registration: Registration): Promise<Registered> {
    this.newcomers.requireOpen();
    if (await this.doors.accounts.findByEmail(this.database, registration.email)) throw emailTaken();
    const passwordHash = await this.passwords.hash(registration.password);
    const { email, fullName } = registration;
    try {
      return await this.database.transaction(async (tx) => {
        const invite = await this.inviteOf(tx, registration);
        const person = { email, fullName, passwordHash, isProved: invite?.isProved ?? false };
        const { userId, orgId } = await this.newcomers.settle(tx, person, invite);
        return { userId, orgId, email, fullName };
      });
    } catch (error) {
      throw isUniqueViolation(error, 'users_email_key') ? emailTaken() : error;
    }
  }

  private async inviteOf(tx: Tx, registration: Registration): Promise<Invite | undefined> {
    const { workspace, inviteToken, email } = registration;
    const { invites, organisations } = this.doors;
    const invite = inviteToken ? await invites.accept(tx, inviteToken, email) : undefined;
    const existing = workspace ? await organisations.findByIdOrSlug(tx, workspace) : undefined;
    const misplaced = existing !== undefined && existing.id !== invite?.orgId;
    const uninvited = invite === undefined && (inviteToken || this.newcomers.needInvites);
    if (misplaced || uninvited) throw inviteNeeded();
    return invite;
  }
}
