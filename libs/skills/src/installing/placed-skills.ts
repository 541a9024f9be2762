import { Inject, Injectable } from '@nestjs/common';
import type { WorkspaceFile } from '#libs/containers';
import { Logger } from '#libs/observability';
import { AgentSkillsRepository } from '../agent-skills.repository.js';
import type { SkillFile } from '../skill.js';
import { contentDigest } from '../skill-folder.js';

/** What agents are to have below `skills/` now: nothing that was disabled, and nothing whose digest is another than was installed. */
@Injectable()
export class PlacedSkills {
  constructor(
    @Inject(AgentSkillsRepository) private readonly installs: AgentSkillsRepository,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** For an instance that is made. */
  async all(agent: { readonly id: string; readonly orgId: string }): Promise<WorkspaceFile[]> {
    const contents = await this.installs.contents(agent, agent.id);
    return contents.flatMap(({ skillId, digest, files }) =>
      this.genuine(skillId, digest, files).map(({ path, content }) => ({ path: `skills/${skillId}/${path}`, content })),
    );
  }

  /** Paths relative to the folder of the skill; empty when there is to be none. */
  async one(agent: { readonly id: string; readonly orgId: string }, skillId: string): Promise<readonly SkillFile[]> {
    const [found] = await this.installs.contents(agent, agent.id, skillId);
    return found ? this.genuine(skillId, found.digest, found.files) : [];
  }

  private genuine(skillId: string, digest: string, kept: Readonly<Record<string, string>>): readonly SkillFile[] {
    const files = Object.entries(kept).map(([path, content]) => ({ path, content }));
    if (contentDigest(files) === digest) return files;
    this.logger.error('The stored content of a skill is not what its digest says; it is not placed', {
      skillId,
      digest,
    });
    return [];
  }
}
