import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Role, requireRole, roleAtLeast } from '#libs/kernel';
import { MailQueue } from '../mails/mail-queue.js';
import { Invites } from './invites.js';
import type { Invited } from './member.js';
import { MemberRepository } from './member.repository.js';
import {
  aboveOwnRole,
  alreadyMember,
  inviteAccepted,
  memberNotFound,
  roleLost,
  teamFull,
  tooManyInvites,
  tooManyMails,
} from './team.errors.js';
import { MOST_MEMBERS } from './team.service.js';

const MOST_A_DAY = 200;
const MOST_MAILS_A_DAY = 5;

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

  /**
   * Sends an open invite again, also one that has expired, for seven more days. The token answered before is void.
   * @throws DomainError `forbidden`, `not_found`, `conflict` for who has joined, `rate_limited` (five mails a day).
   */
  resend(caller: Caller, id: string): Promise<Invited> {
    requireRole(caller, 'ADMIN');
    return this.database.transaction(async (tx) => {
      const actor = await this.actorOf(tx, caller);
      const pending = await this.members.find(tx, caller, id);
      if (!pending) throw memberNotFound();
      if (pending.status !== 'PENDING') throw inviteAccepted();
      if (!roleAtLeast(actor, pending.role)) throw aboveOwnRole();
      if ((await this.mails.countOfInvite(tx, caller, id)) >= MOST_MAILS_A_DAY) throw tooManyMails(MOST_MAILS_A_DAY);
      const token = await this.invites.renew(tx, caller, id);
      const isMailed = await this.mails.enqueue(tx, caller, { inviteId: id });
      await this.audit.append(tx, caller, done(caller, 'member.invite_again', `member:${id}`));
      return { member: (await this.members.find(tx, caller, id)) ?? pending, token, isMailed };
    });
  }

  /** In their turn, the role of who asks. */
  private async actorOf(tx: Tx, caller: Caller): Promise<Role> {
    await this.members.lock(tx, caller);
    const actor = await this.members.roleOf(tx, caller, caller.userId);
    if (!actor || !roleAtLeast(actor, 'ADMIN')) throw roleLost();
    return actor;
  }

  private async check(tx: Tx, caller: Caller, { email, role }: InviteMember): Promise<void> {
    if (!roleAtLeast(await this.actorOf(tx, caller), role)) throw aboveOwnRole();
    const isFree = await this.invites.makeRoom(tx, caller, email);
    if (!isFree || (await this.members.hasUser(tx, caller, email))) throw alreadyMember();
    if ((await this.members.count(tx, caller)) >= MOST_MEMBERS) throw teamFull(MOST_MEMBERS);
    if ((await this.invites.countOfToday(tx, caller)) >= MOST_A_DAY) throw tooManyInvites(MOST_A_DAY);
  }
}
