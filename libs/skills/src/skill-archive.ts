import type { SkillFile } from './skill.js';
import { type ArchiveMember, ARCHIVE_BROKEN, tarMembers } from './archives/tar-members.js';
import { zipMembers } from './archives/zip-members.js';
import { MOST_FILES, MOST_FILE_BYTES, MOST_SKILL_BYTES } from './skill-folder.js';
import { badSkill } from './skills.errors.js';
import { textOf } from './text.js';

/** Larger ones are not looked at: what may be in one fits into it whatever way it is packed. */
export const MOST_ARCHIVE_BYTES = MOST_SKILL_BYTES * 4;
const MOST_MEMBERS = MOST_FILES * 3;
const ZIP = Buffer.from('PK\u0003\u0004');

/**
 * Unpacks a `.tar`, `.tar.gz` or `.zip` in memory. Only files and folders may be in it, all of them below its root; a single folder
 * around everything is taken off.
 * @throws DomainError `validation` for anything else, and as soon as it is too large.
 */
export async function unpackSkill(archive: Buffer): Promise<SkillFile[]> {
  if (archive.length > MOST_ARCHIVE_BYTES) throw badSkill(`is an archive of more than ${MOST_ARCHIVE_BYTES} bytes`);
  const members = archive.subarray(0, ZIP.length).equals(ZIP) ? zipMembers(archive) : tarMembers(archive);
  const files = await filesOf(members);
  const around = files[0]?.path.split('/')[0];
  const isWrapped =
    around !== undefined &&
    !files.some(({ path }) => path === 'SKILL.md') &&
    files.every(({ path }) => path.startsWith(`${around}/`));
  return isWrapped ? files.map(({ path, content }) => ({ path: path.slice(around.length + 1), content })) : files;
}

async function filesOf(members: AsyncIterable<ArchiveMember>): Promise<SkillFile[]> {
  const files: SkillFile[] = [];
  let [count, room] = [0, MOST_SKILL_BYTES];
  try {
    for await (const { name, kind, read } of members) {
      if (++count > MOST_MEMBERS || files.length > MOST_FILES) throw badSkill(`has more than ${MOST_FILES} files`);
      if (kind === 'other') throw badSkill('holds something that is neither file nor folder');
      const path = plainPath(name, kind);
      if (kind === 'folder') continue;
      const bytes = await bytesOf(await read(), Math.min(MOST_FILE_BYTES, room));
      room -= bytes.length;
      files.push({ path, content: textOf(bytes) });
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'DomainError') throw error;
    throw badSkill(ARCHIVE_BROKEN);
  }
  return files;
}

/** Looked at before anything is taken off it: `../` is no folder around the others. */
function plainPath(name: string, kind: ArchiveMember['kind']): string {
  const path = kind === 'folder' ? name.replace(/\/$/, '') : name;
  if (kind === 'folder' && (path === '.' || path === '')) return '';
  const parts = path.replace(/^\.\//, '').split('/');
  if (parts.every((part) => part !== '' && part !== '.' && part !== '..')) return parts.join('/');
  throw badSkill('has a file whose path is not a plain relative one');
}

async function bytesOf(content: AsyncIterable<unknown>, most: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    const part = chunk as Uint8Array;
    size += part.length;
    if (size > most) throw badSkill(`has more than ${most === MOST_FILE_BYTES ? most : MOST_SKILL_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
