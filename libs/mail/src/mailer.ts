import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { redactText } from '#libs/observability';
import type { Transporter } from 'nodemailer';

/** A message of plain text to one person. */
export interface Mail {
  /** Stays the same when the message is sent again, so that mail programs can tell. */
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
}

const CONNECT_MS = 10_000;
const SILENCE_MS = 30_000;
const WHOLE_MS = 60_000;
/** What the server says about this message, not about itself or us. */
const ABOUT_MESSAGE = ['EENVELOPE', 'EMESSAGE'];

/** Sends messages through the server of `SMTP_URL`, one connection each. */
@Injectable()
export class Mailer {
  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'mail' | 'http'>) {}

  get isConfigured(): boolean {
    return this.config.mail.smtpUrl !== undefined;
  }

  /**
   * Returns when the server has taken the message.
   * @throws DomainError `unprocessable` (`mail_refused`) when it never will, `upstream_failed` when it may another time,
   * `unavailable` without `SMTP_URL`.
   */
  async send(mail: Mail): Promise<void> {
    const transport = await this.open();
    const whole = setTimeout(() => transport.close(), WHOLE_MS);
    try {
      await transport.sendMail({
        from: this.config.mail.from,
        to: { name: oneLine(mail.to.name), address: mail.to.address },
        subject: oneLine(mail.subject),
        text: mail.text,
        messageId: `<${mail.id}@${new URL(this.config.http.publicUrl).hostname}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
      });
    } catch (error) {
      throw failure(error);
    } finally {
      clearTimeout(whole);
      transport.close();
    }
  }

  private async open(): Promise<Transporter> {
    const { smtpUrl } = this.config.mail;
    if (smtpUrl === undefined) throw new DomainError('unavailable', 'no_mail_server', 'SMTP_URL is not set here');
    // Only who sends pays for loading it.
    const { createTransport } = await import('nodemailer');
    return createTransport({
      url: smtpUrl,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
    });
  }
}

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim();

function failure(thrown: unknown): DomainError {
  const { code = '', responseCode = 0, message } = thrown as { code?: string; responseCode?: number; message: string };
  const said = redactText(oneLine(message)).slice(0, 300);
  return ABOUT_MESSAGE.includes(code) && responseCode >= 500
    ? new DomainError('unprocessable', 'mail_refused', said, {}, thrown)
    : new DomainError('upstream_failed', 'mail_failed', said, {}, thrown);
}
