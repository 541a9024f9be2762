import { Inject, Injectable } from '@nestjs/common';
import { SkillsRepository } from './skills.repository.js';

const SPARED_MS = 60 * 60 * 1_000;
const BATCH = 500;

/** Drops contents that nobody has any more, an hour after they were last stored. */
@Injectable()
export class SkillSweeper {
  constructor(@Inject(SkillsRepository) private readonly skills: SkillsRepository) {}

  async sweep(signal: AbortSignal, now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - SPARED_MS);
    while (!signal.aborted && (await this.skills.deleteUnusedContents(before, BATCH)) === BATCH);
  }
}
