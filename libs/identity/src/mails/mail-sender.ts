import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { Mailer } from '#libs/mail';
import { Logger } from '#libs/observability';
import { TeamTokens } from '../team/team-tokens.js';
import { type Letter, MailRepository } from './mail.repository.js';
import { textOf } from './mail-texts.js';

/** Longer than a message may take, so that what a killed worker had claimed is taken up by another. */
const CLAIM_SECONDS = 120;
const MOST_ATTEMPTS = 8;
const FIRST_PAUSE_SECONDS = 30;
const LONGEST_PAUSE_SECONDS = 3_600;
const MOST_A_SWEEP = 50;

/** Sends what is due. The token in a message is signed here: it is in no table and no queue. */
@Injectable()
export class MailSender {
  constructor(
    @Inject(MailRepository) private readonly mails: MailRepository,
    @Inject(Mailer) private readonly mailer: Mailer,
    @Inject(TeamTokens) private readonly tokens: TeamTokens,
    @Inject(CONFIG) private readonly config: Pick<Config, 'http'>,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** One message, if it is due and nobody else is sending it. */
  async send(mailId: string): Promise<void> {
    const letter = this.mailer.isConfigured ? await this.mails.claim(mailId, CLAIM_SECONDS) : undefined;
    if (letter) await this.deliver(letter);
  }

  /** Whatever is due: what no job rang for, and what failed before. A worker without a mail server leaves it to others. */
  async sendDue(signal: AbortSignal): Promise<void> {
    if (!this.mailer.isConfigured) return;
    for (let sent = 0; sent < MOST_A_SWEEP && !signal.aborted; sent += 1) {
      const letter = await this.mails.claim(undefined, CLAIM_SECONDS);
      if (!letter) return;
      await this.deliver(letter);
    }
  }

  private async deliver(letter: Letter): Promise<void> {
    if (!letter.isWanted)
      return this.mails.failed(letter, 'It was used, revoked or expired before it was sent', undefined);
    const { id, email, name } = letter;
    const { subject, text } = textOf(letter, this.linkOf(letter));
    try {
      await this.mailer.send({ id, to: { name, address: email }, subject, text });
    } catch (error) {
      return this.giveBack(letter, error);
    }
    await this.mails.sent(letter);
  }

  private async giveBack(letter: Letter, thrown: unknown): Promise<void> {
    const error =
      thrown instanceof DomainError ? thrown : new DomainError('internal', 'internal', 'It could not be made');
    const isFinal = error.code === 'mail_refused' || letter.attempt >= MOST_ATTEMPTS;
    const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (letter.attempt - 1));
    await this.mails.failed(letter, error.message, isFinal ? undefined : pause);
    const { id: mailId, attempt, orgId } = letter;
    this.logger.warn('a mail was not taken', { mailId, orgId, attempt, isFinal, error: thrown });
  }

  private linkOf(letter: Letter): string {
    const { orgId, expiresAt, inviteId, passwordLinkId } = letter;
    const token =
      inviteId === null
        ? this.tokens.signPasswordLink({ id: passwordLinkId ?? '', expiresAt }, 'mail')
        : this.tokens.signInvite({ id: inviteId, orgId, expiresAt }, 'mail');
    return `${this.config.http.publicUrl}/${inviteId === null ? 'password' : 'join'}?token=${token}`;
  }
}
