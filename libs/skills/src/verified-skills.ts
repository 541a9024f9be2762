import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '#libs/database';
import type { ParsedSkill, SkillFile } from './skill.js';
import { parseSkill } from './skill-folder.js';
import { SkillsRepository } from './skills.repository.js';

const FOLDER = 'skills';

/** The verified set ships with the program, in `skills/` of the checkout or image; at each start it becomes the catalogue's. */
@Injectable()
export class VerifiedSkills implements OnApplicationBootstrap {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.publish(await readVerified(findFolder()));
  }

  /** Brings the catalogue's verified skills to exactly these; those it has already are not written. */
  async publish(verified: readonly ParsedSkill[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, null);
      const present = await this.skills.verified(tx);
      for (const skill of verified) {
        if (present.get(skill.id) !== skill.digest)
          await this.skills.save(tx, null, 'verified', skill, { kind: 'verified', id: skill.id });
        present.delete(skill.id);
      }
      if (present.size > 0) await this.skills.unlist(tx, [...present.keys()]);
    });
  }
}

/** Every skill of a folder of skills. @throws DomainError `validation` when one is not good, Error when a name is not its folder's. */
export async function readVerified(folder: string): Promise<ParsedSkill[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return Promise.all(names.map(({ name }) => readOne(join(folder, name), name)));
}

async function readOne(folder: string, name: string): Promise<ParsedSkill> {
  const skill = parseSkill(await readFolder(folder));
  if (skill.id !== name) throw new Error(`The skill in ${folder} calls itself ${skill.id}`);
  return skill;
}

/** Every file below a folder that is trusted. @throws Error when there is none. */
export async function readFolder(folder: string): Promise<SkillFile[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (file) => ({
    path: relative(folder, file).split(sep).join('/'),
    content: await readFile(file, 'utf8'),
  }));
  return Promise.all(read);
}

/** The program runs from `dist/apps/<name>/src` or, in tests, from the checkout: the first `skills/` going up is it. */
export function findFolder(from = process.argv[1] ?? process.cwd()): string {
  for (const start of [dirname(from), process.cwd()]) {
    for (let at = start; ; at = dirname(at)) {
      const folder = join(at, FOLDER);
      if (existsSync(join(folder, 'README.md')) && existsSync(join(at, 'package.json'))) return folder;
      if (dirname(at) === at) break;
    }
  }
  throw new Error('The folder skills/ with the verified skills is missing beside the program');
}
