import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands, EgressPolicy } from '#libs/agents';
import { AuditLog, PLATFORM_SCOPE, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { type Caller, DomainError, type Page, requireRole, requireScope } from '#libs/kernel';
import type { SwitchedSkills } from '../agent-skills.repository.js';
import { InstallTables, sourceOf } from '../installing/install-commits.js';
import { readKept } from '../skill-folder.js';
import { digestNotDisabled, digestNotFound } from '../skills.errors.js';
import type { DisabledDigest } from './disabled-digests.repository.js';

const DIGEST = /^[0-9a-f]{64}$/;

/** For whom a content is switched. */
export interface SwitchReach {
  /** For the agents of all organisations, which only platform admins may; else for those of the caller's. */
  readonly everywhere: boolean;
}

/**
 * The kill switch: takes one content, found by its digest, from every agent that has it. One transaction disables it, keeps it from being
 * installed and orders the removal of its folder; the hosts of the agents remove it within a second or two, also from agents that run.
 */
@Injectable()
export class SkillSwitch {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(InstallTables) private readonly tables: InstallTables,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
    @Inject(EgressPolicy) private readonly egress: EgressPolicy,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** What is disabled for the caller's organisation, newest first. */
  async list(
    caller: Caller,
    window: { readonly limit: number; readonly offset: number },
  ): Promise<Page<DisabledDigest>> {
    requireScope(caller, 'skills');
    return this.tables.disabled.list(caller, window);
  }

  /**
   * Repeating it changes nothing.
   * @throws DomainError `not_found` for a content that the organisation has not; everywhere one may be disabled before it comes
   */
  async disable(
    caller: Caller,
    digest: string,
    { everywhere, reason }: SwitchReach & { readonly reason: string },
  ): Promise<DisabledDigest> {
    requireSwitch(caller, everywhere);
    if (!DIGEST.test(digest)) throw digestNotFound();
    return this.database.transaction(async (tx) => {
      await this.tables.disabled.lock(tx, digest);
      if (!everywhere && !(await this.tables.disabled.isKnown(tx, caller, digest))) throw digestNotFound();
      const orgId = everywhere ? null : caller.orgId;
      const disabled = await this.tables.disabled.add(tx, { digest, orgId, reason, disabledBy: caller.subject });
      const agents = await this.tables.agents.holdUsers(tx, everywhere ? null : caller, digest);
      const taken = await this.tables.agents.disable(tx, agents, digest);
      if (taken.skillId !== undefined) await this.egress.withdraw(tx, taken.agentIds, sourceOf(taken.skillId));
      await this.tell(tx, taken, { digest, isEnabled: false, reason });
      const event = done(caller, 'skill.disable', `skill-digest:${digest}`, { agents: taken.agentIds.length, reason });
      await this.audit.append(tx, everywhere ? PLATFORM_SCOPE : caller, event);
      return disabled;
    });
  }

  /** Gives the content back to the agents that had it. @throws DomainError `not_found` when it was not disabled so */
  async enable(caller: Caller, digest: string, { everywhere }: SwitchReach): Promise<void> {
    requireSwitch(caller, everywhere);
    if (!DIGEST.test(digest)) throw digestNotDisabled();
    await this.database.transaction(async (tx) => {
      await this.tables.disabled.lock(tx, digest);
      const removed = await this.tables.disabled.remove(tx, everywhere ? null : caller.orgId, digest);
      if (!removed) throw digestNotDisabled();
      const agents = await this.tables.agents.holdUsers(tx, everywhere ? null : caller, digest);
      const given = await this.tables.agents.enableAgain(tx, agents, digest);
      await this.approveAgain(tx, given, digest);
      await this.tell(tx, given, { digest, isEnabled: true, reason: null });
      const event = done(caller, 'skill.enable', `skill-digest:${digest}`, { agents: given.agentIds.length });
      await this.audit.append(tx, everywhere ? PLATFORM_SCOPE : caller, event);
    });
  }

  private async tell(
    tx: Tx,
    { skillId, agentIds }: SwitchedSkills,
    change: { readonly digest: string; readonly isEnabled: boolean; readonly reason: string | null },
  ): Promise<void> {
    if (skillId === undefined) return;
    await this.commands.switchSkill(tx, agentIds, { skillId, ...change });
    await this.tables.placements.order(tx, agentIds, skillId);
  }

  private async approveAgain(tx: Tx, { skillId, agentIds }: SwitchedSkills, digest: string): Promise<void> {
    const files = skillId === undefined ? undefined : await this.tables.contents.files(digest);
    if (skillId === undefined || files === undefined) return;
    const network = readKept(files)?.permissions.network ?? [];
    await this.egress.approveAll(tx, agentIds, sourceOf(skillId), network);
  }
}

function requireSwitch(caller: Caller, everywhere: boolean): void {
  requireScope(caller, 'skills');
  requireRole(caller, 'ADMIN');
  if (everywhere && !(caller.kind === 'user' && caller.isPlatformAdmin)) {
    throw new DomainError('forbidden', 'forbidden', 'Only platform admins may switch a skill for all organisations');
  }
}
