import { Inject, Injectable } from '@nestjs/common';
import { HostSession, WorkspaceSources } from '#libs/agents';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { isDatabaseDown } from '#libs/database';
import { Logger } from '#libs/observability';
import { PlacedSkills } from './placed-skills.js';
import { SkillDiscards } from './skill-discards.js';
import { type Placement, SkillPlacementsRepository } from './skill-placements.repository.js';

const AGENTS_AT_ONCE = 16;
const BATCH = 500;
const LONGEST_RETRY_SECONDS = 60;
const MOST_MESSAGE_CHARACTERS = 500;

/** The host on which skills are placed. */
@Injectable()
export class PlacingHost {
  constructor(
    @Inject(HostSession) readonly session: HostSession,
    @Inject(CONTAINER_RUNTIME) readonly runtime: ContainerRuntime,
    @Inject(WorkspaceSources) readonly sources: WorkspaceSources,
    @Inject(Logger) readonly logger: Logger,
  ) {}
}

/** Puts folders of skills into workspaces of this host, or takes them out, whether the agents run or not. */
@Injectable()
export class SkillPlacer {
  private readonly busy = new Set<string>();

  constructor(
    @Inject(PlacingHost) private readonly host: PlacingHost,
    @Inject(SkillPlacementsRepository) private readonly placements: SkillPlacementsRepository,
    @Inject(PlacedSkills) private readonly skills: PlacedSkills,
    @Inject(SkillDiscards) private readonly discards: SkillDiscards,
  ) {}

  /**
   * Works on all agents with something due, several at a time. Failures are written down and come again. First all that run throw away
   * what they are not to have any more, so that none waits until others have their folders placed.
   */
  async sweep(signal: AbortSignal): Promise<void> {
    const agents = await this.placements.dueAgents(this.host.session, [...this.busy], BATCH);
    await each(agents, signal, (id) => this.discards.ask(this.host.session, id, signal));
    await each(agents, signal, async (id) => {
      if (!this.busy.has(id)) await this.placeAll(id, signal);
    });
  }

  /** Places what is wanted for one agent. @throws what went wrong with the skill `must`, which is written down too */
  async placeAll(agentId: string, signal: AbortSignal, must?: string): Promise<void> {
    this.busy.add(agentId);
    try {
      await this.host.sources.exclusively(agentId, () => this.placeUnderLock(agentId, signal, must));
    } finally {
      this.busy.delete(agentId);
    }
  }

  /** For who holds the lock of the agent's workspace. */
  async placeUnderLock(agentId: string, signal: AbortSignal, must?: string): Promise<void> {
    for (const placement of await this.placements.of(this.host.session, agentId)) {
      signal.throwIfAborted();
      try {
        await this.place(placement, signal);
        await this.placements.done(placement);
      } catch (error) {
        if (isDatabaseDown(error) || signal.aborted) throw error;
        await this.failed(placement, error);
        if (placement.skillId === must) throw error;
      }
    }
  }

  private async place({ agentId, orgId, skillId, image, isDeleted }: Placement, signal: AbortSignal): Promise<void> {
    if (isDeleted) return;
    const files = await this.skills.one({ id: agentId, orgId }, skillId);
    await this.host.runtime.workspaces.place(agentId, { image, folder: `skills/${skillId}`, files, signal });
  }

  private async failed(placement: Placement, error: unknown): Promise<void> {
    const { agentId, skillId, attempts } = placement;
    this.host.logger.warn('A skill was not placed yet', { agentId, skillId, error });
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MOST_MESSAGE_CHARACTERS);
    await this.placements.failed(placement, message, Math.min(LONGEST_RETRY_SECONDS, 2 ** Math.min(attempts, 6)));
  }
}

async function each(
  agents: readonly string[],
  signal: AbortSignal,
  work: (id: string) => Promise<void>,
): Promise<void> {
  const waiting = [...agents];
  const next = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined && !signal.aborted; id = waiting.shift()) await work(id);
  };
  await Promise.all(Array.from({ length: AGENTS_AT_ONCE }, next));
}
