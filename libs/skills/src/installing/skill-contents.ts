import { Inject, Injectable } from '@nestjs/common';
import { SKILL_TOOLS, type SkillTools, type SkillToolsBuilder } from '../skill-tools.js';
import { scanSkill } from '../scan/index.js';
import type { ParsedSkill, SkillFile } from '../skill.js';
import { parseSkill } from '../skill-folder.js';
import { contentChanged, skillQuarantined } from '../skills.errors.js';
import { SkillContentsRepository } from '../skill-contents.repository.js';
import { SkillSources } from '../sources/skill-sources.js';
import type { ClaimedInstall, InstallStep } from './skill-install.js';

/** Gets what is to be installed, and has it looked at. */
@Injectable()
export class SkillContents {
  constructor(
    @Inject(SkillContentsRepository) private readonly kept: SkillContentsRepository,
    @Inject(SkillSources) private readonly sources: SkillSources,
    @Inject(SKILL_TOOLS) private readonly tools: SkillToolsBuilder,
  ) {}

  /**
   * The content of exactly the digest that was asked for: the one that is kept, else what its source gives. What it requires is on this
   * host then.
   * @param reach - called when a step begins
   * @throws DomainError code `skill_content_changed` when the source gives something else, `skill_quarantined`, `tools_failed`
   */
  async obtain(
    install: ClaimedInstall,
    reach: (step: InstallStep) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ readonly skill: ParsedSkill; readonly tools: SkillTools }> {
    await reach('fetching');
    const files = await this.fetched(install, signal);
    await reach('verifying');
    const skill = parseSkill(files);
    if (skill.digest !== install.digest) throw contentChanged();
    await reach('scanning');
    const { verdict, reasons } = scanSkill(skill);
    if (verdict === 'quarantine') throw skillQuarantined(reasons);
    await reach('building');
    const tools = await this.tools.build(skill.requirements, { signal, log: () => undefined });
    signal.throwIfAborted();
    return { skill, tools };
  }

  private async fetched({ digest, skillKey }: ClaimedInstall, signal: AbortSignal): Promise<readonly SkillFile[]> {
    const kept = await this.kept.files(digest);
    if (kept) return kept;
    const origin = await this.kept.originOf(skillKey, digest);
    if (!origin) throw contentChanged();
    return this.sources.fetch(origin, signal);
  }
}
