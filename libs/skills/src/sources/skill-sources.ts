import { Injectable } from '@nestjs/common';
import type { SkillFile } from '../skill.js';
import { skillSourceMissing } from '../skills.errors.js';
import { VerifiedSource } from './verified-source.js';
import type { SkillOrigin, SkillSource } from './skill-source.js';

/** Every place that skills come from. */
@Injectable()
export class SkillSources {
  private readonly sources: readonly SkillSource[] = [new VerifiedSource()];

  /** @throws what the source throws; DomainError `unprocessable` for a kind of source that is not set up. */
  fetch(origin: SkillOrigin, signal: AbortSignal): Promise<readonly SkillFile[]> {
    const source = this.sources.find(({ kind }) => kind === origin.kind);
    if (!source) throw skillSourceMissing(origin.kind);
    return source.fetch(origin, signal);
  }
}
