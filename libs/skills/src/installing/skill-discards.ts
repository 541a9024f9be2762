import { Inject, Injectable } from '@nestjs/common';
import { WorkspaceSources } from '#libs/agents';
import { GatewayClient } from '#libs/gateway-client';
import { Logger } from '#libs/observability';
import type { ClaimingHost } from './skill-installs.repository.js';
import { type Removals, SkillPlacementsRepository } from './skill-placements.repository.js';

/**
 * Has running agents throw away what they are not to have any more: a request takes milliseconds, where an engine takes half a second of
 * the machine to remove a folder. Nothing rests on its answer: the placing that follows looks from outside and removes what is still there.
 */
@Injectable()
export class SkillDiscards {
  constructor(
    @Inject(SkillPlacementsRepository) private readonly placements: SkillPlacementsRepository,
    @Inject(GatewayClient) private readonly gateway: GatewayClient,
    @Inject(WorkspaceSources) private readonly sources: WorkspaceSources,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Never throws but for `signal` and the database. */
  async ask(host: ClaimingHost, agentId: string, signal: AbortSignal): Promise<void> {
    // an agent that is just being made holds its lock for long, and is none of these
    if (!(await this.placements.removals(host, agentId))) return;
    await this.sources.exclusively(agentId, async () => {
      const removals = await this.placements.removals(host, agentId);
      if (removals) await this.discard(removals, signal);
    });
  }

  private async discard({ skills, ...target }: Removals, signal: AbortSignal): Promise<void> {
    try {
      await this.gateway.discardSkills(target, skills, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { agentId } = target;
      this.logger.info('A running agent did not discard skills; they are removed from outside', { agentId, error });
    }
  }
}
