import { Inject, Injectable, type StreamableFile } from '@nestjs/common';
import { type Caller, DomainError, notFound } from '#libs/kernel';
import { SkillsService, ToolsService } from '#libs/skills';
import { sse } from '../../../http/sse.js';
import type { SkillDto } from './skills.dto.js';
import { type AllSkills, installationFrames, toCliSkill, toProjectSkill } from './skills.mapper.js';

/** Tools of the registry and skills of the catalogue, as this contract has them in one list. */
@Injectable()
export class ListedSkills {
  constructor(
    @Inject(ToolsService) private readonly tools: ToolsService,
    @Inject(SkillsService) private readonly catalogue: SkillsService,
  ) {}

  async all(caller: Caller, isEligible?: boolean): Promise<AllSkills> {
    const [tools, overview] = await Promise.all([this.tools.list(caller), this.catalogue.overview(caller, isEligible)]);
    return { tools, overview };
  }

  /** A tool before a skill of the same name. @throws DomainError `not_found` */
  async one(caller: Caller, name: string): Promise<SkillDto> {
    try {
      return toCliSkill(await this.tools.get(caller, name));
    } catch (error) {
      if (!(error instanceof DomainError && error.kind === 'not_found')) throw error;
      return toProjectSkill(await this.catalogue.outline(caller, name));
    }
  }

  /** @throws DomainError `not_found` for an unknown tool, and one on which nobody has worked */
  async follow(
    caller: Caller,
    name: string,
    options: { readonly lastEventId: string | undefined; readonly signal: AbortSignal },
  ): Promise<StreamableFile> {
    if (!(await this.tools.latestWork(caller, name))) throw notFound('Installation');
    return sse(installationFrames(this.tools.follow(caller, name, options.signal), options.lastEventId));
  }
}
