import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { extract } from 'tar-stream';
import { MOST_FILES, MOST_SKILL_BYTES } from '../skill-folder.js';
import { badSkill } from '../skills.errors.js';

/** Headers and padding of as many entries as there may be, on top of what they hold. */
const MOST_UNPACKED_BYTES = MOST_SKILL_BYTES + MOST_FILES * 4_096;

export const ARCHIVE_BROKEN = 'is an archive that is broken';

/** One thing in an archive, as it calls itself. */
export interface ArchiveMember {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'other';
  /** To be read, or left alone, before the next one is asked for. */
  read(): Promise<AsyncIterable<unknown>>;
}

/** What a `.tar` or `.tar.gz` holds. @throws DomainError `validation` when it is too large or no such archive. */
export async function* tarMembers(archive: Buffer): AsyncGenerator<ArchiveMember> {
  const tar = archive[0] === 0x1f && archive[1] === 0x8b ? await unzipped(archive) : archive;
  if (tar.length > MOST_UNPACKED_BYTES) throw badSkill(`has more than ${MOST_SKILL_BYTES} bytes`);
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    const { type, name } = entry.header;
    const kind = type === 'file' ? 'file' : type === 'directory' ? 'folder' : 'other';
    yield { name, kind, read: () => Promise.resolve(entry) };
    entry.resume();
  }
}

async function unzipped(archive: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(archive, { maxOutputLength: MOST_UNPACKED_BYTES });
  } catch (error) {
    const isBomb = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw badSkill(isBomb ? `has more than ${MOST_SKILL_BYTES} bytes` : ARCHIVE_BROKEN);
  }
}
