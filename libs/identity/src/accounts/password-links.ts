import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import { MailQueue } from '../mails/mail-queue.js';
import { TeamTokens, type Via } from '../team/team-tokens.js';
import { type LinkHolder, PasswordLinkRepository } from './password-link.repository.js';

const HOURS = 24;
const MOST_AN_HOUR = 3;

/** Links that set a password: of limited life, good once, and the one way to a password without knowing the old one. */
@Injectable()
export class PasswordLinks {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PasswordLinkRepository) private readonly links: PasswordLinkRepository,
    @Inject(TeamTokens) private readonly tokens: TeamTokens,
    @Inject(MailQueue) private readonly mails: MailQueue,
  ) {}

  /** Mails a link where there is a mail server. @returns its token as well, for whoever may hand it out. */
  async issue(tx: Tx, holder: Scope & { readonly userId: string }): Promise<{ token: string; isMailed: boolean }> {
    const id = newId();
    const expiresAt = await this.links.insert(tx, holder, { id, userId: holder.userId, hours: HOURS });
    const isMailed = await this.mails.enqueue(tx, holder, { passwordLinkId: id });
    return { token: this.tokens.signPasswordLink({ id, expiresAt }, 'answer'), isMailed };
  }

  /** Mails a link, at most three an hour for one user; further wishes do nothing. */
  async mail(tx: Tx, holder: Scope & { readonly userId: string }): Promise<void> {
    if ((await this.links.countOfLastHour(tx, holder.userId)) < MOST_AN_HOUR) await this.issue(tx, holder);
  }

  /** @returns undefined for a token that is not, or no longer, good. */
  async find(token: string): Promise<{ readonly id: string; readonly via: Via } | undefined> {
    const link = this.tokens.readPasswordLink(token);
    return link && (await this.links.find(this.database, link.id)) ? link : undefined;
  }

  /** Uses a link up. */
  take(tx: Tx, id: string): Promise<LinkHolder | undefined> {
    return this.links.take(tx, id);
  }
}
