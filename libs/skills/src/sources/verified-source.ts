import { join } from 'node:path';
import type { SkillFile } from '../skill.js';
import { findFolder, readFolder } from '../verified-skills.js';
import { skillNotFound } from '../skills.errors.js';
import type { OriginOf, SkillSource } from './skill-source.js';

const ID = /^[a-z0-9-]{1,64}$/;

/** The skills that ship with the program. */
export class VerifiedSource implements SkillSource<'verified'> {
  readonly kind = 'verified';

  async fetch({ id }: OriginOf<'verified'>, signal: AbortSignal): Promise<readonly SkillFile[]> {
    signal.throwIfAborted();
    if (!ID.test(id)) throw skillNotFound();
    return readFolder(join(findFolder(), id)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw skillNotFound();
      throw error;
    });
  }
}
