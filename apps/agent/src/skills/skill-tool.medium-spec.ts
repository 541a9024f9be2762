import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../../test/agent-program.js';
import { SkillShelf } from './skill-shelf.js';
import { skillTool } from './skill-tool.js';

const HEAD = '---\nname: pdf-forms\ndescription: Fills in PDF forms\n---\n# How\nDo it.';
let workspace: string;
let shelf: SkillShelf;
let printed: string;

beforeEach(async () => {
  workspace = await temporaryFolder();
  shelf = new SkillShelf(workspace);
  printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  put('pdf-forms/SKILL.md', HEAD);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await removeFolder(workspace);
});

function put(path: string, content: string | Buffer): void {
  const file = join(workspace, 'skills', path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}

const read = (input: object): unknown =>
  skillTool(shelf).run(input as Record<string, unknown>, new AbortController().signal);
const names = async (): Promise<string[]> => (await shelf.list()).map(({ name }) => name);

describe('skills', () => {
  it('are found, changed and gone with their folders', async () => {
    expect(await shelf.list()).toEqual([{ name: 'pdf-forms', description: 'Fills in PDF forms', bins: [] }]);
    put('mail/SKILL.md', '---\nname: mail\ndescription: >\n  Writes\n  mail\nlicense: MIT\n---\n');
    put('pdf-forms/SKILL.md', HEAD.replace('Fills in', 'Reads all'));
    expect(await shelf.list()).toEqual([
      { name: 'mail', description: 'Writes mail', bins: [] },
      { name: 'pdf-forms', description: 'Reads all PDF forms', bins: [] },
    ]);
    rmSync(join(workspace, 'skills', 'pdf-forms'), { recursive: true });
    expect(await names()).toEqual(['mail']);
  });

  it.each([
    ['no front matter', 'broken', '# How'],
    ['front matter that does not end', 'broken', '---\nname: broken'],
    ['front matter that is no YAML', 'broken', '---\nname: [\n---\n'],
    ['front matter that is a list', 'broken', '---\n- a\n---\n'],
    ['aliases that grow without bound', 'broken', '---\na: &a [x]\nb: [*a, *a]\nname: broken\ndescription: d\n---\n'],
    ['no description', 'broken', '---\nname: broken\n---\n'],
    ['a description that is too long', 'broken', `---\nname: broken\ndescription: ${'x'.repeat(1025)}\n---\n`],
    ['another name than its folder', 'broken', '---\nname: other\ndescription: d\n---\n'],
    ['a name that is none', 'Bro_ken', '---\nname: Bro_ken\ndescription: d\n---\n'],
    ['binary content', 'broken', '---\nname: broken\ndescription: d\n---\n\0'],
    ['too large a file', 'broken', `---\nname: broken\ndescription: d\n---\n${'x'.repeat(300_000)}`],
  ])('with %s are skipped, which is logged once', async (_case, folder, content) => {
    put(`${folder}/SKILL.md`, content);
    expect(await names()).toEqual(['pdf-forms']);
    expect(await names()).toEqual(['pdf-forms']);
    expect(printed.match(/is skipped/g)).toHaveLength(1);
    expect(printed).toContain(`skill ${folder} is skipped`);
  });

  it('are read with the files beside them', () => {
    put('pdf-forms/scripts/fill.py', 'print(1)');
    expect(read({ skill: 'pdf-forms' })).toBe(`${HEAD}\n\n[Files beside SKILL.md]\n- scripts/fill.py`);
    expect(read({ skill: 'pdf-forms', path: 'scripts/fill.py' })).toBe('print(1)');
    expect(read({ skill: 'pdf-forms', path: './scripts/../scripts/fill.py' })).toBe('print(1)');
  });

  it('are read page by page when they are long', () => {
    put('pdf-forms/long.txt', `${'a'.repeat(24_000)}end`);
    expect(read({ skill: 'pdf-forms', path: 'long.txt' })).toContain('3 more characters; go on with offset 24000');
    expect(read({ skill: 'pdf-forms', path: 'long.txt', offset: 24_000 })).toBe('end');
  });

  it('show nothing outside of their folder', () => {
    writeFileSync(join(workspace, 'SOUL.md'), 'canary');
    put('other/SKILL.md', 'canary');
    put('pdf-forms-2/SKILL.md', 'canary');
    const folder = join(workspace, 'skills', 'pdf-forms');
    symlinkSync('../../SOUL.md', join(folder, 'soul.md'));
    symlinkSync('../other', join(folder, 'linked'));
    symlinkSync('/etc', join(folder, 'etc'));
    symlinkSync('SKILL.md', join(folder, 'same.md'));
    const paths = [
      '../../SOUL.md',
      '../other/SKILL.md',
      '../pdf-forms-2/SKILL.md',
      '/etc/passwd',
      join(workspace, 'SOUL.md'),
    ];
    for (const path of [...paths, 'soul.md', 'linked/SKILL.md', 'etc/passwd', '..', '.', '', 'a\0b', 'x'.repeat(900)]) {
      expect(() => read({ skill: 'pdf-forms', path })).toThrow(/no such file|no text file/);
    }
    expect(read({ skill: 'pdf-forms', path: 'same.md' })).toContain('Do it.');
    for (const skill of ['..', '.', '../skills/pdf-forms', 'PDF-forms', '', 'pdf-forms/'])
      expect(() => read({ skill })).toThrow('no such skill');
  });

  it('that are links to folders elsewhere are none', async () => {
    mkdirSync(join(workspace, 'memory', 'x'), { recursive: true });
    writeFileSync(join(workspace, 'memory', 'x', 'SKILL.md'), '---\nname: linked\ndescription: d\n---\n');
    symlinkSync(join(workspace, 'memory', 'x'), join(workspace, 'skills', 'linked'));
    expect(await names()).toEqual(['pdf-forms']);
    expect(() => read({ skill: 'linked' })).toThrow('no such skill');
  });

  it('refuse binary and oversized files', () => {
    put('pdf-forms/logo.png', Buffer.from([0x89, 0x50, 0, 1]));
    put('pdf-forms/latin1.txt', Buffer.from([0xe9, 0x20]));
    put('pdf-forms/huge.txt', 'x'.repeat(1024 * 1024 + 1));
    expect(() => read({ skill: 'pdf-forms', path: 'logo.png' })).toThrow('no text file');
    expect(() => read({ skill: 'pdf-forms', path: 'latin1.txt' })).toThrow('no text file');
    expect(() => read({ skill: 'pdf-forms', path: 'huge.txt' })).toThrow('bytes');
  });
});
