import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Role, isUuid, requireRole, roleAtLeast } from '#libs/kernel';
import { MemberAccess } from './member-access.js';
import type { Member } from './member.js';
import { MemberRepository } from './member.repository.js';
import { aboveOwnRole, memberNotFound, ownerProtected, roleLost } from './team.errors.js';

/** Most members and pending invites of an organisation. */
export const MOST_MEMBERS = 1_000;

/**
 * Who belongs to an organisation. Changes take turns, and the role of who makes one is read again in its turn: of two
 * owners who demote each other at once the second is an owner no more.
 */
@Injectable()
export class TeamService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberRepository) private readonly members: MemberRepository,
    @Inject(MemberAccess) private readonly access: MemberAccess,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** Members in the order they joined, then pending ones; at most 1000. */
  list(caller: Caller): Promise<Member[]> {
    return this.members.list(this.database, caller, MOST_MEMBERS);
  }

  /**
   * @throws DomainError `forbidden` below ADMIN and for a role above the caller's, `not_found`, `unprocessable`
   * (`owner_protected`) for an owner, unless an owner does it and another one stays.
   */
  changeRole(caller: Caller, id: string, role: Role): Promise<Member> {
    return this.change(caller, id, async (tx, member, actor) => {
      if (!roleAtLeast(actor, role)) throw aboveOwnRole();
      if (member.role === role) return member;
      await this.guardOwner(tx, caller, member, actor);
      await this.members.setRole(tx, caller, id, role);
      if (member.userId) this.access.changed(tx, member.userId);
      await this.audit.append(tx, caller, done(caller, 'member.role', `member:${id}`, { from: member.role, to: role }));
      return { ...member, role };
    });
  }

  /** Suspending ends the member's sessions; keys work again once reinstated. @throws DomainError as `changeRole` does. */
  setStatus(caller: Caller, id: string, status: 'ACTIVE' | 'SUSPENDED'): Promise<Member> {
    return this.change(caller, id, async (tx, member, actor) => {
      if (member.userId === null) throw memberNotFound();
      if (member.status === status) return member;
      await this.guardOwner(tx, caller, member, actor);
      await this.members.setStatus(tx, caller, id, status);
      if (status === 'ACTIVE') this.access.changed(tx, member.userId);
      else await this.access.end(tx, caller, member.userId, { reason: 'suspended', keys: false });
      const action = status === 'ACTIVE' ? 'member.reinstate' : 'member.suspend';
      await this.audit.append(tx, caller, done(caller, action, `member:${id}`));
      return { ...member, status };
    });
  }

  /** Ends sessions, keys and places in swarms at once; a pending invite is void. @throws DomainError as `changeRole` does. */
  async remove(caller: Caller, id: string): Promise<void> {
    await this.change(caller, id, async (tx, member, actor) => {
      await this.guardOwner(tx, caller, member, actor);
      await this.members.remove(tx, caller, id);
      if (member.userId) await this.access.end(tx, caller, member.userId, { reason: 'removed', keys: true });
      await this.audit.append(tx, caller, done(caller, 'member.remove', `member:${id}`, { role: member.role }));
      return member;
    });
  }

  private change(
    caller: Caller,
    id: string,
    work: (tx: Tx, member: Member, actor: Role) => Promise<Member>,
  ): Promise<Member> {
    requireRole(caller, 'ADMIN');
    return this.database.transaction(async (tx) => {
      await this.members.lock(tx, caller);
      const actor = await this.members.roleOf(tx, caller, caller.userId);
      if (!actor || !roleAtLeast(actor, 'ADMIN')) throw roleLost();
      const member = isUuid(id) ? await this.members.find(tx, caller, id) : undefined;
      if (!member) throw memberNotFound();
      return work(tx, member, actor);
    });
  }

  private async guardOwner(tx: Tx, caller: Caller, member: Member, actor: Role): Promise<void> {
    if (member.role !== 'OWNER') return;
    if (actor !== 'OWNER') throw ownerProtected('Only an owner changes or removes an owner');
    const stays = member.status !== 'ACTIVE' || (await this.members.hasOtherOwner(tx, caller, member.id));
    if (!stays) throw ownerProtected('An organisation keeps at least one owner: make somebody else an owner first');
  }
}
