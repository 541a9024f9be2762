import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { handleDemoModel } from '#libs/demo-model';
import { once } from 'node:events';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { AgentProgram, buildAgent, removeFolder, temporaryFolder } from '../test/agent-program.js';
import { chat } from '../test/chat-client.js';
import { memoryFolder } from './memory/memory-folder.js';

const SKILL = '---\nname: pdf-forms\ndescription: Fills in PDF forms\n---\nOpen the form first.';
const model = createServer((req, res) => void handleDemoModel(req, res, { wordDelayMs: 0 }));
let program: string;
let workspace: string;
let agent: AgentProgram;

beforeAll(async () => {
  program = await buildAgent();
  model.listen(0, '127.0.0.1');
  await once(model, 'listening');
}, 60_000);

afterAll(async () => {
  model.closeAllConnections();
  model.close();
  await removeFolder(dirname(program));
});

beforeEach(async () => {
  workspace = await temporaryFolder();
  await mkdir(join(workspace, 'rules'));
  await mkdir(join(workspace, 'skills'));
  await start();
});

afterEach(async () => {
  await agent.stop('SIGKILL');
  await removeFolder(workspace);
});

async function start(): Promise<void> {
  const baseUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
  agent = await AgentProgram.start({ program, workspace, provider: 'demo', baseUrl });
}

const ask = async (text: string, peer?: string): Promise<string> =>
  (await chat(agent.url, text, peer === undefined ? {} : { peer })).text;
const tool = (name: string, input: object, peer?: string): Promise<string> =>
  ask(`[[tool ${name} ${JSON.stringify(input)}]]`, peer);

describe('files that say who the agent is', () => {
  it('are in the prompt, cut where they are long; what is about its people only where no peer reads along', async () => {
    await writeFile(join(workspace, 'SOUL.md'), 'soul-text');
    await writeFile(join(workspace, 'AGENTS.md'), `agents-text ${'x'.repeat(20_000)} agents-end`);
    await writeFile(join(workspace, 'USER.md'), 'user-text');
    await writeFile(join(workspace, 'MEMORY.md'), 'memory-text');
    await writeFile(join(workspace, 'HEARTBEAT.md'), 'heartbeat-text');
    const own = await ask('[[system]]');
    for (const text of ['soul-text', 'agents-text', 'user-text', 'memory-text', 'heartbeat-text']) {
      expect(own).toContain(text);
    }
    expect(own).not.toContain('agents-end');
    const peers = await ask('[[system]]', 'customer-1');
    expect(peers).toContain('agents-text');
    expect(peers).not.toMatch(/user-text|memory-text|heartbeat-text/);
  });
});

describe('rules', () => {
  it('are in the prompt from the next turn on, and gone with their file', async () => {
    expect(await ask('[[system]]')).not.toContain('# Rules');
    await writeFile(join(workspace, 'rules', 'refunds.md'), '# Refunds\n\nAsk for the order number.');
    expect(await ask('[[system]]')).toContain('## rules/refunds.md\n\n# Refunds\n\nAsk for the order number.');
    await rm(join(workspace, 'rules', 'refunds.md'));
    expect(await ask('[[system]]')).not.toContain('Refunds');
  });

  it('are listed by their first line when they are long, and read on demand', async () => {
    await writeFile(join(workspace, 'rules', 'long.md'), `# Returns of goods\n\n${'x'.repeat(9000)}\nthe end`);
    const prompt = await ask('[[system]]');
    expect(prompt).toContain('- long: Returns of goods');
    expect(prompt).not.toContain('the end');
    expect(await tool('rule_read', { name: 'long' })).toContain('the end');
  });

  it('lead nowhere else', async () => {
    await writeFile(join(workspace, 'rules', 'a.md'), 'fine');
    await symlink('/etc/passwd', join(workspace, 'rules', 'passwd.md'));
    expect(await ask('[[system]]')).not.toContain('root:');
    for (const name of ['passwd', '../SOUL', '/etc/passwd', 'none']) {
      expect(await tool('rule_read', { name })).toContain('There is no such rule.');
    }
  });
});

describe('skills', () => {
  it('act from the next turn on when they are dropped in, and no more when they are gone', async () => {
    expect(await tool('skill_read', { skill: 'pdf-forms' })).toContain('I have no tool skill_read');
    await mkdir(join(workspace, 'skills', 'pdf-forms'));
    await writeFile(join(workspace, 'skills', 'pdf-forms', 'SKILL.md'), SKILL);
    expect(await ask('[[system]]')).toContain('- pdf-forms: Fills in PDF forms');
    expect(await tool('skill_read', { skill: 'pdf-forms' })).toContain('Open the form first.');
    await rm(join(workspace, 'skills', 'pdf-forms'), { recursive: true });
    expect(await ask('[[system]]')).not.toContain('pdf-forms');
  });

  it('that are broken are left out with a log line', async () => {
    await mkdir(join(workspace, 'skills', 'broken'));
    await writeFile(join(workspace, 'skills', 'broken', 'SKILL.md'), 'no front matter');
    expect(await ask('[[system]]')).not.toContain('# Skills');
    expect(agent.lines.join('\n')).toMatch(/\[warn\] skill broken is skipped/);
  });
});

describe('memory', () => {
  it('survives a restart and is in the prompt of its peer only', async () => {
    await tool('memory_write', { name: 'likes', content: 'Tea with jam' }, 'alice');
    await agent.stop('SIGKILL');
    await start();
    expect(await ask('[[system]]', 'alice')).toContain('Tea with jam');
    expect(await tool('memory_read', { name: 'likes' }, 'alice')).toContain('Tea with jam');
    for (const peer of ['bob', undefined]) {
      expect(await ask('[[system]]', peer)).not.toContain('Tea');
      expect(await tool('memory_read', { name: 'likes' }, peer)).toContain('no such note');
      expect(await tool('memory_list', {}, peer)).toContain('There are no notes yet.');
    }
  });

  it('is changed by no other peer, whatever that one calls a note', async () => {
    await tool('memory_write', { name: 'likes', content: 'Tea' }, 'alice');
    const alices = memoryFolder('alice');
    for (const name of [
      `../${alices}/likes`,
      `${alices}/likes`,
      '../../SOUL',
      '../../rules/a',
      '/tmp/x',
      'likes\u0000',
    ]) {
      expect(await tool('memory_write', { name, content: 'evil' }, 'bob')).toContain("A note's name");
      expect(await tool('memory_delete', { name }, 'bob')).toMatch(/A note's name|no such note/);
    }
    expect(await tool('memory_read', { name: 'likes' }, 'alice')).toContain('Tea');
    expect((await readdir(workspace)).sort()).toEqual(['.state', 'memory', 'rules', 'skills']);
    expect(await readdir(join(workspace, 'memory'))).toEqual([alices]);
  });

  it('is not in the log', async () => {
    await tool('memory_write', { name: 'likes', content: 'Tea' }, 'alice');
    expect(agent.lines.join('\n')).toContain('tool memory_write answered');
    expect(agent.lines.join('\n')).not.toMatch(/Tea|likes|alice/);
  });
});
