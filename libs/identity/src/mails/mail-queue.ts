import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import { Mailer } from '#libs/mail';
import { JobRinger } from '#libs/queue';
import { MailRepository, type MailSubject } from './mail.repository.js';
import { SEND_MAIL } from './mails.jobs.js';

/** Puts messages on their way with the transaction that makes what they are about. Workers send them. */
@Injectable()
export class MailQueue {
  constructor(
    @Inject(MailRepository) private readonly mails: MailRepository,
    @Inject(Mailer) private readonly mailer: Mailer,
    @Inject(JobRinger) private readonly jobs: JobRinger,
  ) {}

  /** How many messages about an invite were put on their way in the last day. */
  countOfInvite(tx: Tx, scope: Scope, inviteId: string): Promise<number> {
    return this.mails.countOfInvite(tx, scope, inviteId);
  }

  /** @returns false where there is no mail server: nothing is sent then. */
  async enqueue(tx: Tx, scope: Scope, subject: MailSubject): Promise<boolean> {
    if (!this.mailer.isConfigured) return false;
    const mailId = newId();
    await this.mails.insert(tx, scope, mailId, subject);
    await this.jobs.ring(tx, SEND_MAIL, { mailId });
    return true;
  }
}
