import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { extract } from 'tar-stream';
import type { SkillFile } from './skill.js';
import { MOST_FILES, MOST_FILE_BYTES, MOST_SKILL_BYTES } from './skill-folder.js';
import { badSkill } from './skills.errors.js';

/** Headers and padding of as many entries as there may be, on top of what they hold. */
const MOST_UNPACKED_BYTES = MOST_SKILL_BYTES + MOST_FILES * 4_096;
const MOST_ENTRIES = MOST_FILES * 3;

/**
 * Unpacks a `.tar` or `.tar.gz` in memory. Only files and folders may be in it; a single folder around everything is taken off.
 * @throws DomainError `validation` for anything else, and as soon as it is too large.
 */
export async function unpackSkill(archive: Buffer): Promise<SkillFile[]> {
  const files = await entriesOf(archive[0] === 0x1f && archive[1] === 0x8b ? await unzipped(archive) : archive);
  const around = files[0]?.path.split('/')[0];
  const isWrapped =
    around !== undefined &&
    !files.some(({ path }) => path === 'SKILL.md') &&
    files.every(({ path }) => path.startsWith(`${around}/`));
  return isWrapped ? files.map(({ path, content }) => ({ path: path.slice(around.length + 1), content })) : files;
}

async function unzipped(archive: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(archive, { maxOutputLength: MOST_UNPACKED_BYTES });
  } catch (error) {
    const isBomb = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw badSkill(isBomb ? `has more than ${MOST_SKILL_BYTES} bytes` : 'is an archive that is broken');
  }
}

async function entriesOf(tar: Buffer): Promise<SkillFile[]> {
  if (tar.length > MOST_UNPACKED_BYTES) throw badSkill(`has more than ${MOST_SKILL_BYTES} bytes`);
  const files: SkillFile[] = [];
  const reader = extract();
  reader.end(tar);
  let entries = 0;
  try {
    for await (const entry of reader) {
      const { type, name } = entry.header;
      if (++entries > MOST_ENTRIES || files.length > MOST_FILES) throw badSkill(`has more than ${MOST_FILES} files`);
      if (type !== 'file' && type !== 'directory') throw badSkill('holds something that is neither file nor folder');
      if (type === 'directory') entry.resume();
      else files.push({ path: name.replace(/^\.\//, ''), content: await textOf(entry) });
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'DomainError') throw error;
    throw badSkill('is an archive that is broken');
  }
  return files;
}

async function textOf(entry: AsyncIterable<unknown>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of entry) {
    const part = chunk as Uint8Array;
    size += part.length;
    if (size > MOST_FILE_BYTES) throw badSkill(`has a file of more than ${MOST_FILE_BYTES} bytes`);
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw badSkill('has a file that is no text');
  }
}
