import { Inject, Injectable } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { type AgentSkill, AgentSkillsService, SkillUpdates } from '#libs/skills';
import type { UpdateSkillDto } from './skill-updates.dto.js';
import type { InstallSkillDto } from './skills.dto.js';

const LONGEST_WAIT_MS = 20_000;

/**
 * Answers that wait, up to 20 s, until the agent's host has done it; later ones tell what is reached by then. What is to be done is
 * committed before the wait: a client that leaves changes nothing about it.
 */
@Injectable()
export class SettledSkills {
  constructor(
    @Inject(AgentSkillsService) private readonly skills: AgentSkillsService,
    @Inject(SkillUpdates) private readonly updates: SkillUpdates,
  ) {}

  /** `id`: the installation's, when the request may be repeated. @throws what the installation failed with */
  async install(
    caller: Caller,
    agentId: string,
    { skillId, trustLevel }: InstallSkillDto,
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<AgentSkill> {
    const requested = await this.skills.install(caller, agentId, skillId, trustLevel, id);
    return this.skills.settle(caller, requested, { timeoutMs: LONGEST_WAIT_MS, signal });
  }

  /** As `install`. */
  async update(
    caller: Caller,
    { agentId, skillId }: { readonly agentId: string; readonly skillId: string },
    { digest }: UpdateSkillDto,
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<AgentSkill> {
    const requested = await this.updates.update(caller, agentId, skillId, digest, id);
    return this.skills.settle(caller, requested, { timeoutMs: LONGEST_WAIT_MS, signal });
  }

  async uninstall(
    caller: Caller,
    agentId: string,
    skillId: string,
    signal: AbortSignal,
  ): Promise<{ readonly needsRestart: boolean }> {
    const removed = await this.skills.uninstall(caller, agentId, skillId);
    await this.skills.settleRemoval(caller, agentId, skillId, { timeoutMs: LONGEST_WAIT_MS, signal });
    return removed;
  }
}
