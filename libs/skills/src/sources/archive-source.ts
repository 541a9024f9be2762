import type { Egress } from '#libs/egress';
import type { SkillFile } from '../skill.js';
import { MOST_ARCHIVE_BYTES, unpackSkill } from '../skill-archive.js';
import { download } from './download.js';
import type { OriginOf, SkillSource } from './skill-source.js';

/** A `.tar`, `.tar.gz` or `.zip` at an address on the net. */
export class ArchiveSource implements SkillSource<'archive'> {
  readonly kind = 'archive';

  constructor(private readonly egress: Egress) {}

  async fetch({ url }: OriginOf<'archive'>, signal: AbortSignal): Promise<readonly SkillFile[]> {
    return unpackSkill(await download(this.egress, url, { maxBytes: MOST_ARCHIVE_BYTES, what: 'an archive' }, signal));
  }
}
