import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { MailModule } from '#libs/mail';
import { PasswordLinkRepository } from '../accounts/password-link.repository.js';
import { PasswordLinks } from '../accounts/password-links.js';
import { PasswordResetService, ResetAccounts } from '../accounts/password-reset.service.js';
import { IdentityModule } from '../identity.module.js';
import { MailQueue } from '../mails/mail-queue.js';
import { MailRepository } from '../mails/mail.repository.js';
import { InvitationsService } from './invitations.service.js';
import { FirstPasswords, InviteAcceptance } from './invite-acceptance.js';
import { MemberAccess } from './member-access.js';
import { MemberRepository } from './member.repository.js';
import { TeamService } from './team.service.js';

/** Members, invites and password links, for the API. Needs QueueModule besides what IdentityModule needs. */
@Module({
  imports: [IdentityModule, AuditModule, MailModule],
  providers: [
    MemberRepository,
    MemberAccess,
    TeamService,
    MailRepository,
    MailQueue,
    InvitationsService,
    PasswordLinkRepository,
    PasswordLinks,
    ResetAccounts,
    PasswordResetService,
    FirstPasswords,
    InviteAcceptance,
  ],
  exports: [TeamService, InvitationsService, InviteAcceptance, PasswordResetService],
})
export class TeamModule {}
