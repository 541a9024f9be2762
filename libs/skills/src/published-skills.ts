import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database } from '#libs/database';
import { Logger } from '#libs/observability';
import { scanSkill } from './scan/index.js';
import type { ParsedSkill } from './skill.js';
import { parseSkill } from './skill-folder.js';
import { SkillsRepository } from './skills.repository.js';
import { readFolder } from './sources/folder-source.js';
import { findFolder } from './verified-folder.js';

/**
 * What all organisations see: the verified set, which ships with the program, and the skills in the operator's folder (`SKILLS_FOLDER`).
 * At each start they become the catalogue's.
 */
@Injectable()
export class PublishedSkills implements OnApplicationBootstrap {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.publish('verified', await readSkills(findFolder()));
    const { folder } = this.config.skills;
    const bad = (name: string, error: unknown): void => this.logger.warn('A skill is not published', { name, error });
    await this.publish('clawhub', folder === undefined ? [] : await readSkills(folder, bad));
  }

  /**
   * Brings what everybody sees of a level to exactly these; those it has already are not written. Nothing that the scan quarantines is
   * verified: agents that have it keep it, nobody finds it any more.
   */
  async publish(level: 'verified' | 'clawhub', given: readonly ParsedSkill[]): Promise<void> {
    const skills = level === 'verified' ? given.filter((skill) => this.isHarmless(skill)) : given;
    const kind = level === 'verified' ? 'verified' : 'folder';
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, null);
      const present = await this.skills.published(tx, level);
      for (const skill of skills) {
        if (present.get(skill.id) !== skill.digest)
          await this.skills.save(tx, null, level, skill, { kind, id: skill.id });
        present.delete(skill.id);
      }
      if (present.size > 0) await this.skills.unlist(tx, level, [...present.keys()]);
    });
  }

  private isHarmless(skill: ParsedSkill): boolean {
    const { verdict, reasons } = scanSkill(skill);
    if (verdict === 'quarantine') {
      this.logger.error('A skill of the verified set is too dangerous to be published', { skill: skill.id, reasons });
    }
    return verdict !== 'quarantine';
  }
}

/**
 * Every skill of a folder of skills.
 * @param bad what becomes of one that is none; without it that is thrown
 * @throws DomainError `validation` when one is not good, Error when a name is not its folder's.
 */
export async function readSkills(folder: string, bad?: (name: string, error: unknown) => void): Promise<ParsedSkill[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const skills: ParsedSkill[] = [];
  for (const { name } of names) {
    try {
      skills.push(await readOne(join(folder, name), name));
    } catch (error) {
      if (!bad) throw error;
      bad(name, error);
    }
  }
  return skills;
}

async function readOne(folder: string, name: string): Promise<ParsedSkill> {
  const skill = parseSkill(await readFolder(folder));
  if (skill.id !== name) throw new Error(`The skill in ${folder} calls itself ${skill.id}`);
  return skill;
}
