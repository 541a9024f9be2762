import { describe, expect, it } from '@jest/globals';
import type { SkillFile } from '../../skill.js';
import { MOST_FILES, MOST_FILE_BYTES, contentDigest, parseSkill } from '../../skill-folder.js';
import type { SkillOrigin, SkillSource } from '../skill-source.js';

/** What a place holds: bytes by path, or where a link leads. */
export type Held = Readonly<Record<string, string | Buffer | { readonly linkTo: string }>>;

/** A source, and its place to put skills into. */
export interface SourceUnderTest<K extends SkillOrigin['kind'] = SkillOrigin['kind']> {
  readonly source: SkillSource<K>;
  /** Puts a skill called `id` there. @returns where it lies then */
  put(id: string, held: Held): Promise<Parameters<SkillSource<K>['fetch']>[0]>;
  /** A place of its kind where nothing lies. */
  nowhere(): Parameters<SkillSource<K>['fetch']>[0];
}

const stay = new AbortController().signal;
const text = (id: string): string => `---\nname: ${id}\ndescription: Says ${id}.\n---\n\nÄ.\r\n`;
const sorted = (files: readonly SkillFile[]): SkillFile[] => [...files].sort((a, b) => (a.path < b.path ? -1 : 1));

/** What every source of skills does alike. */
export function skillSourceConformance<K extends SkillOrigin['kind']>(
  name: string,
  make: () => Promise<SourceUnderTest<K>>,
): void {
  describe(`skills from ${name}`, () => {
    const put = async (id: string, held: Held) => {
      const { source, put: place } = await make();
      const origin = await place(id, held);
      return { fetch: (signal = stay) => source.fetch(origin, signal) };
    };
    const refused = { kind: 'validation', code: 'validation_error' };

    it('are given as they lie there, each time the same', async () => {
      const held = { 'SKILL.md': text('whole'), 'references/deep/a.md': 'ä', 'scripts/run.sh': '#!/bin/sh\n' };
      const { fetch } = await put('whole', held);
      const files = await fetch();
      expect(sorted(files)).toEqual(
        expect.arrayContaining(Object.entries(held).map(([path, content]) => ({ path, content }))),
      );
      expect(parseSkill(files)).toMatchObject({ id: 'whole', version: '1.0.0' });
      expect(contentDigest(await fetch())).toBe(contentDigest(files));
    });

    it('are not found where there are none', async () => {
      const { source, nowhere } = await make();
      await expect(source.fetch(nowhere(), stay)).rejects.toMatchObject({ kind: 'not_found' });
    });

    it.each<[string, Held]>([
      ['a file that is too large', { 'a.md': 'a'.repeat(MOST_FILE_BYTES + 1) }],
      ['too many files', Object.fromEntries(Array.from({ length: MOST_FILES + 1 }, (_, n) => [`f${n}.md`, 'x']))],
      ['a file that is no text', { 'a.bin': Buffer.from([0xff, 0xfe, 0x00]) }],
      ['a symbolic link out', { 'a.md': { linkTo: '/etc/passwd' } }],
      ['a symbolic link inside', { 'a.md': { linkTo: 'SKILL.md' } }],
    ])('are refused with %s', async (_what, held) => {
      const { fetch } = await put('wrong', { 'SKILL.md': text('wrong'), ...held });
      await expect(fetch().then(parseSkill)).rejects.toMatchObject(refused);
    });

    it('are refused where there is no SKILL.md', async () => {
      const { fetch } = await put('headless', { 'README.md': 'x' });
      await expect(fetch().then(parseSkill)).rejects.toMatchObject(refused);
    });

    it('end with the reason of the signal', async () => {
      const { fetch } = await put('late', { 'SKILL.md': text('late') });
      const reason = new Error('left');
      await expect(fetch(AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
