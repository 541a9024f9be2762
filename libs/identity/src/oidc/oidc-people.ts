import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import type { Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { AccountRepository } from '../accounts/account.repository.js';
import { Newcomers } from '../accounts/newcomers.js';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { inactiveAccount, inviteNeeded } from '../identity.errors.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Invite } from '../team/invite.repository.js';
import { Invites } from '../team/invites.js';
import { type CodeHolder, OidcRepository } from './oidc.repository.js';
import { emailNotVerified } from './oidc.errors.js';
import type { OidcPerson } from './oidc-provider.js';

/** What signing somebody in writes besides the link to the provider. */
@Injectable()
export class OidcAccounts {
  constructor(
    @Inject(AccountRepository) readonly accounts: AccountRepository,
    @Inject(Newcomers) readonly newcomers: Newcomers,
    @Inject(Invites) readonly invites: Invites,
    @Inject(SessionsService) readonly sessions: SessionsService,
    @Inject(AuditLog) readonly audit: AuditLog,
  ) {}
}

/** Finds or makes the account of a person whom the provider vouches for. */
@Injectable()
export class OidcPeople {
  constructor(
    @Inject(OidcRepository) private readonly identities: OidcRepository,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(OidcAccounts) private readonly of: OidcAccounts,
  ) {}

  /**
   * By what the provider calls the person; for somebody new by the verified address, which links the account that has it,
   * or makes one as registering would.
   * @throws DomainError `forbidden`: no verified address, registration closed, an invite is needed, account inactive.
   */
  async settle(tx: Tx, person: OidcPerson, inviteToken: string | undefined): Promise<CodeHolder> {
    const email = person.isEmailVerified ? person.email : undefined;
    const invite = inviteToken && email ? await this.of.invites.accept(tx, inviteToken, email) : undefined;
    if (inviteToken && !invite) throw inviteNeeded();
    const userId =
      (await this.identities.findUser(tx, person.issuer, person.subject)) ??
      (await this.newUser(tx, person, email, invite));
    return this.placeOf(tx, userId, invite);
  }

  private async newUser(
    tx: Tx,
    person: OidcPerson,
    email: string | undefined,
    invite: Invite | undefined,
  ): Promise<string> {
    if (email === undefined) throw emailNotVerified();
    const existing = await this.of.accounts.findByEmail(tx, email);
    const userId = existing ? await this.linked(tx, existing) : await this.made(tx, person, email, invite);
    await this.identities.link(tx, person.issuer, person.subject, userId);
    return userId;
  }

  private async linked(tx: Tx, user: { id: string; email: string }): Promise<string> {
    const { newcomers, sessions } = this.of;
    if (await this.identities.disownUnproved(tx, user.id)) {
      await sessions.endOthers(tx, user.id, undefined);
      this.notices.notifyAfter(tx, CREDENTIAL_TOPIC, `user:${user.id}`);
    }
    await newcomers.prove(tx, user);
    return user.id;
  }

  private async made(tx: Tx, person: OidcPerson, email: string, invite: Invite | undefined): Promise<string> {
    const { newcomers } = this.of;
    newcomers.requireOpen();
    if (!invite && newcomers.needInvites) throw inviteNeeded();
    const fullName = (person.fullName?.trim() || email.split('@')[0] || email).slice(0, 255);
    const { userId } = await newcomers.settle(tx, { email, fullName, passwordHash: null, isProved: true }, invite);
    return userId;
  }

  /** The organisation of the invite, or the one the user has been in longest. */
  private async placeOf(tx: Tx, userId: string, invite: Invite | undefined): Promise<CodeHolder> {
    const { accounts, newcomers } = this.of;
    if (invite && !(await accounts.find(tx, invite, userId))) await newcomers.join(tx, userId, invite);
    const user = await accounts.findForSignIn(tx, userId, invite?.orgId);
    if (!user?.isActive || user.orgId === null) throw inactiveAccount();
    const holder = { orgId: user.orgId, userId };
    const event = done({ subject: `user:${userId}` }, 'identity.prove', `user:${userId}`);
    await this.of.audit.append(tx, holder, { ...event, type: 'AUTHENTICATION_SUCCESS' });
    return holder;
  }
}
