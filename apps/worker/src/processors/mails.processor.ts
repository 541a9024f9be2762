import { Inject, Injectable } from '@nestjs/common';
import { MailSender, SEND_MAIL, type SendMail } from '#libs/identity';
import { HandlesJob } from '#libs/queue';

@Injectable()
export class MailsProcessor {
  constructor(@Inject(MailSender) private readonly sender: MailSender) {}

  @HandlesJob(SEND_MAIL)
  send({ mailId }: SendMail): Promise<void> {
    return this.sender.send(mailId);
  }
}
