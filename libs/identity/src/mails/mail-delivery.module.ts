import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { MailModule } from '#libs/mail';
import { InviteRetention } from '../team/invite-retention.js';
import { TeamTokens } from '../team/team-tokens.js';
import { MailRepository } from './mail.repository.js';
import { MailSender } from './mail-sender.js';

/** What workers do for identity: send its mail and drop old invites. */
@Module({
  imports: [MailModule],
  providers: [
    MailRepository,
    MailSender,
    InviteRetention,
    {
      provide: TeamTokens,
      inject: [CONFIG],
      useFactory: (config: Config) => new TeamTokens(config.security.jwtSecret),
    },
  ],
  exports: [MailSender, InviteRetention],
})
export class MailDeliveryModule {}
