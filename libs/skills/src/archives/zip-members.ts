import { type Entry, fromBufferPromise } from 'yauzl';
import { badSkill } from '../skills.errors.js';
import { type ArchiveMember, ARCHIVE_BROKEN } from './tar-members.js';

const FILE_TYPE = 0o170000;
const KINDS: Readonly<Record<number, ArchiveMember['kind']>> = { 0: 'file', 0o100000: 'file', 0o040000: 'folder' };

/** What a `.zip` holds. @throws DomainError `validation` for a path that leads out, or when it is no such archive. */
export async function* zipMembers(archive: Buffer): AsyncGenerator<ArchiveMember> {
  try {
    const zip = await fromBufferPromise(archive, { strictFileNames: true, validateEntrySizes: true });
    for await (const entry of zip.eachEntry()) {
      if (!entry.canDecodeFileData()) throw badSkill('is an archive with something that can not be unpacked');
      yield { name: entry.fileName, kind: kindOf(entry), read: () => zip.openReadStreamPromise(entry) };
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'DomainError') throw error;
    const leadsOut = error instanceof Error && /fileName|absolute path|relative path/.test(error.message);
    throw badSkill(leadsOut ? 'has a file whose path is not a plain relative one' : ARCHIVE_BROKEN);
  }
}

/** Archives of Unix keep the kind of a file in the upper half of its attributes. */
function kindOf({ fileName, externalFileAttributes }: Entry): ArchiveMember['kind'] {
  const kind = KINDS[(externalFileAttributes >>> 16) & FILE_TYPE] ?? 'other';
  return kind === 'file' && fileName.endsWith('/') ? 'folder' : kind;
}
