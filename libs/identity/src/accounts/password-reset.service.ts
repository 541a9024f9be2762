import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { Mailer } from '#libs/mail';
import { Passwords } from '../passwords.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { passwordLinkInvalid } from '../team/team.errors.js';
import { AccountRepository } from './account.repository.js';
import { Newcomers } from './newcomers.js';
import { PasswordLinks } from './password-links.js';

/** The accounts a password is set for. */
@Injectable()
export class ResetAccounts {
  constructor(
    @Inject(AccountRepository) readonly accounts: AccountRepository,
    @Inject(Newcomers) readonly newcomers: Newcomers,
    @Inject(SessionsService) readonly sessions: SessionsService,
    @Inject(AuditLog) readonly audit: AuditLog,
  ) {}
}

/** Setting a password by a link: the first one of an account, or a new one for who forgot theirs. */
@Injectable()
export class PasswordResetService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PasswordLinks) private readonly links: PasswordLinks,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(Mailer) private readonly mailer: Mailer,
    @Inject(ResetAccounts) private readonly of: ResetAccounts,
  ) {}

  /** Mails a link to an account's address. Unknown addresses get none, which nobody is told. @throws DomainError `unavailable` without a mail server. */
  async request(email: string): Promise<void> {
    if (!this.mailer.isConfigured) {
      throw new DomainError('unavailable', 'no_mail_server', 'This installation sends no mail; ask an administrator');
    }
    const user = await this.of.accounts.findByEmail(this.database, email);
    if (!user?.isActive || user.orgId === null) return;
    const holder = { orgId: user.orgId, userId: user.id };
    await this.database.transaction((tx) => this.links.mail(tx, holder));
  }

  /** Whether a link is good. @throws DomainError `unprocessable` (`password_link_invalid`). */
  async look(token: string): Promise<void> {
    if (!(await this.links.find(token))) throw passwordLinkInvalid();
  }

  /** Sets the password and ends all of the user's sessions. @param address - the client's, which a mailed link proves. @throws DomainError `unprocessable` (`password_link_invalid`). */
  async set(token: string, password: string, address: string): Promise<void> {
    const link = await this.links.find(token);
    if (!link) throw passwordLinkInvalid();
    const hash = await this.passwords.hash(password);
    await this.database.transaction(async (tx) => {
      const holder = await this.links.take(tx, link.id);
      if (!holder) throw passwordLinkInvalid();
      const { userId, email } = holder;
      const { accounts, newcomers, sessions, audit } = this.of;
      await accounts.setPassword(tx, userId, hash);
      if (link.via === 'mail') await newcomers.prove(tx, { id: userId, email });
      await sessions.endOthers(tx, userId, undefined);
      await sessions.trust(tx, userId, address);
      await audit.append(tx, holder, done({ subject: `user:${userId}` }, 'password.set', `user:${userId}`));
    });
  }
}
