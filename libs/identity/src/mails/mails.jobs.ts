import { IsUUID } from 'class-validator';
import { defineJob } from '#libs/queue';

export class SendMail {
  @IsUUID()
  mailId!: string;
}

/** The doorbell of one message. It is tried once: when to try again stands in its row, where the sweep finds it. */
export const SEND_MAIL = defineJob<SendMail>({
  name: 'identity.send-mail',
  queue: 'control',
  payload: SendMail,
  attempts: 1,
});

export const identityJobs = [SEND_MAIL];
