import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '#libs/testing';
import { removeFolder, temporaryFolder } from '../../test/agent-program.js';
import { SkillShelf } from './skill-shelf.js';
import { skillCommandTool } from './skill-command.js';

const HEAD = '---\nname: counts\ndescription: Counts\nrequirements:\n  bins: [cat, nowhere-to-be-found]\n---\n';
const stay = new AbortController().signal;
let workspace: string;

beforeEach(async () => {
  workspace = await temporaryFolder();
  put('SKILL.md', HEAD);
});
afterEach(() => removeFolder(workspace));

function put(path: string, content: string): void {
  const file = join(workspace, 'skills/counts', path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}

const run = (input: object, signal = stay): Promise<string> =>
  skillCommandTool(new SkillShelf(workspace), workspace).run({ skill: 'counts', ...input }, signal) as Promise<string>;

describe('programs of a skill', () => {
  it('run in the workspace, with arguments that no shell reads', async () => {
    put('scripts/show.sh', 'pwd; for each in "$@"; do echo "<$each>"; done; cat; echo oops >&2; exit 3\n');
    const args = ['$(id)', 'a b', '; rm -rf /', '*'];
    expect(await run({ command: 'scripts/show.sh', args, input: 'given' })).toBe(
      `exit: 3\noutput:\n${workspace}\n<$(id)>\n<a b>\n<; rm -rf />\n<*>\ngiven\nerrors:\noops\n`,
    );
    put('scripts/show.mjs', 'console.log(process.argv.slice(2).join())');
    expect(await run({ command: 'scripts/show.mjs', args: ['x', 'y'] })).toBe('exit: 0\noutput:\nx,y\n');
  });

  it('are those that it requires, and no others', async () => {
    expect(await run({ command: 'cat', input: 'given' })).toBe('exit: 0\noutput:\ngiven');
    await expect(run({ command: 'sh', args: ['-c', 'id'] })).rejects.toThrow('does not require');
    await expect(run({ command: 'nowhere-to-be-found' })).rejects.toThrow('There is no program');
  });

  it('learn nothing that speaks for the agent', async () => {
    process.env.ROOKERY_LLM_TOKEN = 'canary-token';
    put('scripts/env.sh', 'env\n');
    const shown = await run({ command: 'scripts/env.sh' }).finally(() => delete process.env.ROOKERY_LLM_TOKEN);
    expect(shown).toContain(`HOME=${workspace}`);
    expect(shown).not.toMatch(/canary|ROOKERY/);
  });

  it('end with the turn, and so does whatever they started', async () => {
    put('scripts/stay.sh', '(sleep 1; touch survived) &\ntouch started\nsleep 60\n');
    const turn = new AbortController();
    const running = run({ command: 'scripts/stay.sh' }, turn.signal);
    await eventually(() => existsSync(join(workspace, 'started')));
    turn.abort(new Error('left'));
    await expect(running).rejects.toThrow('left');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(existsSync(join(workspace, 'survived'))).toBe(false);
  });

  it('are cut where they say too much', async () => {
    put('scripts/loud.mjs', "process.stdout.write('a'.repeat(300_000))");
    expect(await run({ command: 'scripts/loud.mjs' })).toMatch(/a{1000}\n\[cut: 37856 more bytes\]$/);
  });

  it.each<[string, object, string]>([
    ['what lies elsewhere', { command: 'scripts/../../../etc/passwd' }, 'no such file'],
    ['what is no script', { command: 'SKILL.md' }, 'does not require'],
    ['what is beside the scripts', { command: 'references/a.sh' }, 'Only files in the scripts folder'],
    ['a script of another language', { command: 'scripts/a.exe' }, 'no such file'],
    ['a link out', { command: 'scripts/link.sh' }, 'no such file'],
    ['arguments that are none', { command: 'cat', args: 'x' }, "'args' must be"],
    ['NUL in an argument', { command: 'cat', args: ['a\0'] }, "'args' must be"],
    ['another skill', { skill: 'nothing', command: 'cat' }, 'no such skill'],
  ])('are not %s', async (_what, input, message) => {
    writeFileSync(join(workspace, 'out.sh'), 'id\n');
    put('scripts/keep.sh', '\n');
    symlinkSync(join(workspace, 'out.sh'), join(workspace, 'skills/counts/scripts/link.sh'));
    await expect(run(input)).rejects.toThrow(message);
  });
});
