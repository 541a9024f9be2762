import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { compareVersions, readFrontMatter } from './front-matter.js';
import { NO_REQUIREMENTS } from './requirements.js';
import { MOST_ARCHIVE_BYTES, unpackSkill } from './skill-archive.js';
import { MOST_FILES, MOST_FILE_BYTES, parseSkill } from './skill-folder.js';
import { scanSkill } from './scan/index.js';
import { zipOf } from './testing/zip-fixture.js';
import { readSkills } from './published-skills.js';
import { findFolder } from './verified-folder.js';

const HEAD =
  '---\nname: our-tone\ndescription: How we write.\n---\n\n# Tone\n\nWrite briefly,\nand kindly.\n\nSecond.\n';
const md = (lines: string): string => `---\n${lines}\n---\nText`;
const named = (lines: string): string => md(`name: a\ndescription: b\n${lines}`);
const main = { path: 'SKILL.md', content: HEAD };
const refusal = (message: RegExp): unknown =>
  expect.objectContaining({ kind: 'validation', message: expect.stringMatching(message) });

describe('the front matter of a skill', () => {
  it('needs name and description, and knows what the rest is where it is missing', () => {
    expect(readFrontMatter(HEAD)).toEqual({
      id: 'our-tone',
      name: 'Our Tone',
      description: 'How we write.',
      enhancedDescription: 'Write briefly, and kindly.',
      version: '1.0.0',
      author: 'unknown',
      category: 'other',
      tags: [],
      useCases: [],
      permissions: { network: [], read: [], write: [], env: [] },
      requirements: NO_REQUIREMENTS,
    });
  });

  it('takes lists of both forms and the declared permissions', () => {
    const text = named(
      'metadata: {title: A b, version: 1.2.0, author: Me, category: x-y, tags: "One, two", use-cases: [x; y, z]}\n' +
        'permissions: {network: [api.example.com, "*.example.org"], read: [memory/], write: out/a.md, env: [API_KEY]}',
    );
    expect(readFrontMatter(text.replace(/\n/g, '\r\n'))).toMatchObject({
      name: 'A b',
      version: '1.2.0',
      category: 'x-y',
      tags: ['one', 'two'],
      useCases: ['x; y', 'z'],
      permissions: {
        network: ['api.example.com', '*.example.org'],
        read: ['memory/'],
        write: ['out/a.md'],
        env: ['API_KEY'],
      },
    });
  });

  it.each<[string, string, RegExp]>([
    ['no front matter', '# Tone', /does not begin with front matter/],
    ['front matter without an end', '---\nname: a', /does not begin/],
    ['what is no YAML', md('name: [a'), /not valid YAML/],
    ['a description that breaks YAML', md('name: a\ndescription: one: two'), /not valid YAML/],
    ['a list', md('- a'), /mapping/],
    ['an alias bomb', md('a: &a [x, x]\nb: *a'), /not valid YAML/],
    ['no name', md('description: b'), /name/],
    ['a name with a path', md('name: ../a\ndescription: b'), /name/],
    ['a name in capitals', md('name: Tone\ndescription: b'), /name/],
    ['a name with two hyphens', md('name: a--b\ndescription: b'), /name/],
    ['a long name', md(`name: ${'a'.repeat(65)}\ndescription: b`), /name/],
    ['no description', md('name: a'), /description/],
    ['an empty description', md('name: a\ndescription: " "'), /description/],
    ['a long description', md(`name: a\ndescription: ${'x'.repeat(1025)}`), /description/],
    ['a version that is none', named('metadata: {version: v1}'), /version/],
    ['a version with an end', named('metadata: {version: 1.0.0-beta}'), /version/],
    ['a category with spaces', named('metadata: {category: A B}'), /category/],
    ['a title of two lines', named('metadata: {title: "a\\nb"}'), /title/],
    ['too many tags', named(`metadata: {tags: [${'a,'.repeat(21)}]}`), /tags/],
    ['metadata that is text', named('metadata: x'), /metadata/],
    ['an unknown permission', named('permissions: {root: [yes]}'), /permission/],
    ['a host with a path', named('permissions: {network: [example.com/x]}'), /network/],
    ['every host', named('permissions: {network: ["*"]}'), /network/],
    ['an address', named('permissions: {network: [127.0.0.1]}'), /network/],
    ['a place outside', named('permissions: {read: [../secrets]}'), /read/],
    ['an absolute place', named('permissions: {write: [/etc]}'), /write/],
  ])('is refused: %s', (_what, text, message) => {
    expect(() => readFrontMatter(text)).toThrow(refusal(message) as Error);
  });
});

describe('versions', () => {
  it.each([
    ['1.0.0', '1.0.0', 0],
    ['1.10.0', '1.9.9', 1],
    ['2.0.0', '10.0.0', -8],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(sign));
  });
});

describe('the files of a skill', () => {
  it('have one digest whatever their order', () => {
    const files = [{ path: 'scripts/a.mjs', content: 'x' }, main, { path: 'references/a b.md', content: 'ä' }];
    const skill = parseSkill(files);
    expect(skill).toMatchObject({ id: 'our-tone', toolCount: 1, sizeBytes: Buffer.byteLength(HEAD) + 3 });
    expect(parseSkill([...files].reverse()).digest).toBe(skill.digest);
    expect(parseSkill([...files.slice(1), { path: 'scripts/a.mjs', content: 'y' }]).digest).not.toBe(skill.digest);
  });

  it.each([
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a//b',
    './a',
    'a\\b',
    'a\0',
    'a\n',
    '.git/config',
    'a/.env',
    'a/b/c/d/e/f/g',
    'C:x',
    'ä.md',
    'x'.repeat(101),
    'a.',
    'skill.md',
    'SKILL.md/x',
  ])('are refused with the path %j', (path) => {
    expect(() => parseSkill([main, { path, content: '' }])).toThrow(refusal(/plain|same name|folder/) as Error);
  });

  it.each<[string, { path: string; content: string }[], RegExp]>([
    ['none', [], /no files/],
    ['no SKILL.md', [{ path: 'README.md', content: '' }], /no SKILL.md/],
    ['a SKILL.md that is not at the top', [{ path: 'a/SKILL.md', content: HEAD }], /no SKILL.md/],
    ['too many', [main, ...Array.from({ length: MOST_FILES }, (_, n) => ({ path: `${n}`, content: '' }))], /64 files/],
    ['one that is too large', [main, { path: 'a', content: 'x'.repeat(MOST_FILE_BYTES + 1) }], /bytes/],
    ['too much together', [main, ...[1, 2, 3].map((n) => ({ path: `${n}`, content: 'x'.repeat(200_000) }))], /bytes/],
    ['NUL', [main, { path: 'a', content: '\0' }], /no text/],
  ])('are refused: %s', (_what, files, message) => {
    expect(() => parseSkill(files)).toThrow(refusal(message) as Error);
  });
});

describe('an archive of a skill', () => {
  const archive = async (...entries: [Partial<Header> & { name: string }, string?][]): Promise<Buffer> => {
    const tar = pack();
    for (const [header, content] of entries) tar.entry(header, content ?? '');
    tar.finalize();
    return buffer(tar);
  };

  it('may be zipped, and may have one folder around it', async () => {
    const tar = await archive(
      [{ name: 'our-tone', type: 'directory' }],
      [{ name: 'our-tone/SKILL.md' }, HEAD],
      [{ name: 'our-tone/references/a.md' }, 'ä'],
    );
    const files = [main, { path: 'references/a.md', content: 'ä' }];
    expect(await unpackSkill(tar)).toEqual(files);
    expect(await unpackSkill(gzipSync(tar))).toEqual(files);
    expect(await unpackSkill(await archive([{ name: './SKILL.md' }, HEAD]))).toEqual([main]);
    const zip = zipOf([
      { name: 'our-tone/', mode: 0o040755 },
      { name: 'our-tone/SKILL.md', content: HEAD },
      { name: 'our-tone/references/a.md', content: 'ä' },
    ]);
    expect(await unpackSkill(zip)).toEqual(files);
  });

  it.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ['a symlink', () => archive([{ name: 'SKILL.md', type: 'symlink', linkname: '/etc/passwd' }]), /neither file/],
    ['a hard link', () => archive([{ name: 'a', type: 'link', linkname: '/etc/passwd' }]), /neither file/],
    ['a path that leads out', () => archive([{ name: '../SKILL.md' }, HEAD]), /path/],
    ['an absolute path', () => archive([{ name: '/SKILL.md' }, HEAD]), /path/],
    ['a folder that leads out', () => archive([{ name: 'a/../../SKILL.md' }, HEAD]), /path/],
    ['an empty part of a path', () => archive([{ name: 'a//SKILL.md' }, HEAD]), /path/],
    ['a device', () => archive([{ name: 'a', type: 'block-device' }]), /neither file/],
    ['bytes that are no text', () => archive([{ name: 'SKILL.md' }, '\xff\xfe' as string]).then(spoil), /no text/],
    ['a bomb', () => gzipSync(Buffer.alloc(64 * 1024 * 1024)), /bytes/],
    ['a large file', () => archive([{ name: 'a' }, 'x'.repeat(MOST_FILE_BYTES + 1)]), /bytes/],
    ['too many folders', () => archive(...folders(300)), /files/],
    ['half an archive', async () => gzipSync(await archive([{ name: 'SKILL.md' }, HEAD])).subarray(0, 60), /broken/],
    ['a zip with a path that leads out', () => zipOf([{ name: '../SKILL.md', content: HEAD }]), /path/],
    ['a zip with an absolute path', () => zipOf([{ name: '/SKILL.md', content: HEAD }]), /path/],
    ['a zip with a backslash', () => zipOf([{ name: '..\\SKILL.md', content: HEAD }]), /path/],
    ['a zip with a symlink', () => zipOf([{ name: 'SKILL.md', content: '/etc/passwd', mode: 0o120777 }]), /neither/],
    ['a zip bomb', () => zipOf([{ name: 'a', content: Buffer.alloc(64 * 1024 * 1024, 'a') }]), /bytes/],
    ['a zip bomb that lies', () => zipOf([{ name: 'a', content: 'x'.repeat(400_000), claimedBytes: 3 }]), /broken/],
    ['a zip of too many', () => zipOf(numbered(300, '')), /files/],
    ['a zip of many that are large', () => zipOf(numbered(9, 'x'.repeat(100_000))), /bytes/],
    ['half a zip', () => zipOf([{ name: 'SKILL.md', content: HEAD }]).subarray(0, 60), /broken/],
    ['more than is looked at', () => Buffer.alloc(MOST_ARCHIVE_BYTES + 1), /bytes/],
    ['noise', () => Buffer.alloc(1024, 'not an archive'), /broken/],
  ])('is refused: %s', async (_what, make, message) => {
    await expect(Promise.resolve(make()).then(unpackSkill)).rejects.toEqual(refusal(message));
  });

  const numbered = (count: number, content: string): { name: string; content: string }[] =>
    Array.from({ length: count }, (_, n) => ({ name: `f${n}`, content }));
  const folders = (count: number): [{ name: string; type: 'directory' }][] =>
    Array.from({ length: count }, (_, n) => [{ name: `d${n}`, type: 'directory' }]);
  const spoil = (tar: Buffer): Buffer =>
    Buffer.concat([tar.subarray(0, 512), Buffer.alloc(512, 0xff), tar.subarray(1024)]);
});

describe('the verified skills', () => {
  it('let the scan find nothing that has to be looked at', async () => {
    for (const skill of await readSkills(findFolder())) {
      const { verdict, securityScore, findings } = scanSkill(skill);
      expect([skill.id, verdict, securityScore >= 90, findings.filter(({ severity }) => severity === 'high')]).toEqual([
        skill.id,
        'pass',
        true,
        [],
      ]);
    }
  });

  it('are at least twelve, each good, with a beginning that says what it is for', async () => {
    const skills = await readSkills(findFolder());
    expect(skills.length).toBeGreaterThanOrEqual(12);
    for (const skill of skills) {
      expect(skill).toMatchObject({ author: 'rookery', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
      expect(skill.description).toMatch(/Use it /);
      expect([skill.tags.length, skill.useCases.length].map((count) => count >= 3)).toEqual([true, true]);
      expect(skill.enhancedDescription.length).toBeGreaterThan(40);
      expect(skill.files.length).toBeGreaterThan(1);
    }
  });

  it('name only files that they have', async () => {
    for (const { id, files } of await readSkills(findFolder())) {
      const text = files.find(({ path }) => path === 'SKILL.md')?.content ?? '';
      const named = text.match(/\b(references|scripts)\/[\w.-]+\w/g) ?? [];
      expect([id, named.filter((path) => !files.some((file) => file.path === path))]).toEqual([id, []]);
      const others = files.map(({ path }) => path).filter((path) => path !== 'SKILL.md');
      expect([id, others.filter((path) => !text.includes(path))]).toEqual([id, []]);
    }
  });
});
