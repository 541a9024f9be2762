import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { SkillContentsRepository } from './skill-contents.repository.js';
import { ToolInstallsRepository } from './registry/tool-installs.repository.js';
import { SkillInstallsRepository } from './installing/skill-installs.repository.js';

const SPARED_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;
const BATCH = 500;
const RESCANNED_AT_ONCE = 20;

/** Drops contents that nobody has any more, an hour after they were last stored, and what tells of installations long ended. */
@Injectable()
export class SkillSweeper {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(SkillContentsRepository) private readonly contents: SkillContentsRepository,
    @Inject(SkillInstallsRepository) private readonly installs: SkillInstallsRepository,
    @Inject(ToolInstallsRepository) private readonly tools: ToolInstallsRepository,
  ) {}

  async sweep(signal: AbortSignal, now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - SPARED_MS);
    while (!signal.aborted && (await this.contents.deleteUnused(before, BATCH)) === BATCH);
    const ended = new Date(now.getTime() - this.config.limits.eventRetentionDays * DAY_MS);
    for (const ones of [this.installs, this.tools]) {
      while (!signal.aborted && (await ones.deleteBefore(ended, BATCH)) === BATCH);
    }
  }

  /** Has what was scanned by former rules scanned by the present ones, a part of it at a time. */
  async rescan(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.contents.rescan(RESCANNED_AT_ONCE)) === RESCANNED_AT_ONCE);
  }
}
