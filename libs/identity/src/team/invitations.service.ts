import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Role, requireRole, roleAtLeast } from '#libs/kernel';
import { MailQueue } from '../mails/mail-queue.js';
import { Invites } from './invites.js';
import type { Invited } from './member.js';
import { MemberRepository } from './member.repository.js';
import { aboveOwnRole, alreadyMember, roleLost, teamFull, tooManyInvites } from './team.errors.js';
import { MOST_MEMBERS } from './team.service.js';

const MOST_A_DAY = 200;

export interface InviteMember {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

/** Asks people into an organisation: by a mail where there is a mail server, in any case by the token in the answer. */
@Injectable()
export class InvitationsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberRepository) private readonly members: MemberRepository,
    @Inject(Invites) private readonly invites: Invites,
    @Inject(MailQueue) private readonly mails: MailQueue,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * The invite is good for seven days and one use, by an account of this address.
   * @throws DomainError `forbidden` below ADMIN and for a role above the caller's, `conflict` for an address that is a
   * member or invited, `plan_limit`, `rate_limited` (200 a day).
   */
  invite(caller: Caller, wish: InviteMember): Promise<Invited> {
    requireRole(caller, 'ADMIN');
    return this.database.transaction(async (tx) => {
      await this.check(tx, caller, wish);
      const { id, token } = await this.invites.make(tx, caller, { ...wish, invitedBy: caller.userId ?? '' });
      const isMailed = await this.mails.enqueue(tx, caller, { inviteId: id });
      await this.audit.append(tx, caller, done(caller, 'member.invite', `member:${id}`, { role: wish.role }));
      const member = await this.members.find(tx, caller, id);
      if (!member) throw new Error('the invite was not stored');
      return { member, token, isMailed };
    });
  }

  private async check(tx: Tx, caller: Caller, { email, role }: InviteMember): Promise<void> {
    await this.members.lock(tx, caller);
    const actor = await this.members.roleOf(tx, caller, caller.userId);
    if (!actor || !roleAtLeast(actor, 'ADMIN')) throw roleLost();
    if (!roleAtLeast(actor, role)) throw aboveOwnRole();
    const isFree = await this.invites.makeRoom(tx, caller, email);
    if (!isFree || (await this.members.hasUser(tx, caller, email))) throw alreadyMember();
    if ((await this.members.count(tx, caller)) >= MOST_MEMBERS) throw teamFull(MOST_MEMBERS);
    if ((await this.invites.countOfToday(tx, caller)) >= MOST_A_DAY) throw tooManyInvites(MOST_A_DAY);
  }
}
