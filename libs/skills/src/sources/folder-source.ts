import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { SkillFile } from '../skill.js';
import { MOST_FILES, MOST_FILE_BYTES } from '../skill-folder.js';
import { badSkill, skillNotFound } from '../skills.errors.js';
import { textOf } from '../text.js';
import type { OriginOf, SkillSource } from './skill-source.js';

const ID = /^[a-z0-9-]{1,64}$/;

/** A folder of skills on this machine: those that ship with the program, or those of its operator. */
export class FolderSource<K extends 'verified' | 'folder'> implements SkillSource<K> {
  /** @param folder undefined where none is set up */
  constructor(
    readonly kind: K,
    private readonly folder: string | undefined,
  ) {}

  async fetch({ id }: OriginOf<'verified' | 'folder'>, signal: AbortSignal): Promise<readonly SkillFile[]> {
    signal.throwIfAborted();
    if (this.folder === undefined || !ID.test(id)) throw skillNotFound();
    return readFolder(join(this.folder, id), signal);
  }
}

/**
 * Every file below a folder.
 * @throws DomainError `not_found` when there is none; `validation` for what is no file or folder, no text, too large or too many.
 */
export async function readFolder(folder: string, signal?: AbortSignal): Promise<SkillFile[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw skillNotFound();
    throw error;
  });
  if (entries.some((entry) => !entry.isFile() && !entry.isDirectory())) {
    throw badSkill('holds something that is neither file nor folder');
  }
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length > MOST_FILES) throw badSkill(`has more than ${MOST_FILES} files`);
  const read: SkillFile[] = [];
  for (const file of files) {
    signal?.throwIfAborted();
    if ((await stat(file)).size > MOST_FILE_BYTES) throw badSkill(`has a file of more than ${MOST_FILE_BYTES} bytes`);
    read.push({ path: relative(folder, file).split(sep).join('/'), content: textOf(await readFile(file)) });
  }
  return read;
}
