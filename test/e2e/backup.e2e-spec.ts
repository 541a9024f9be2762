import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '#libs/testing';
import { ProviderServer } from '../../apps/agent/test/provider-server.js';
import { AgentoClient, textOf, type WireAgent } from './client.js';
import { type RunningRookery, eraseDataDir, startRookery } from './rookery.js';

const CANARY = 'sk-canary-backup-0123456789';

describe('npm run backup and npm run restore', () => {
  const provider = new ProviderServer('openai');
  const backup = join(mkdtempSync(join(tmpdir(), 'rookery-backup-')), 'monday');
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;

  const start = async (): Promise<void> => {
    rookery = await startRookery({ OPENAI_BASE_URL: provider.url }, rookery?.dataDir);
    client = new AgentoClient(rookery.url, rookery.apiKey);
  };
  const run = async (command: string): Promise<string> => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: rookery.dataDir };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['scripts/rookery.mjs', command, backup], {
      env,
    });
    return stdout + stderr;
  };
  const chats = async (message: string): Promise<void> => {
    expect(textOf(await client.chat(agent.id, message, { peerId: 'ann' }))).toBe('Hello');
    expect(provider.lastAsked.key).toBe(CANARY);
  };
  const runs = (): Promise<unknown> =>
    eventually(async () => (await client.agent(agent.id)).status === 'running', { timeoutMs: 60_000 });

  beforeAll(async () => {
    await provider.start();
    await start();
    agent = await client.data('POST', '/v1/agents', { name: 'Kept', secrets: { openaiApiKey: CANARY } });
    await runs();
  }, 150_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
    rmSync(backup, { recursive: true, force: true });
    await provider.stop();
  }, 60_000);

  it('brings a wiped installation back, which then answers as before', async () => {
    await chats('Remember that the door is green.');
    expect(await run('backup')).toMatch(/Backed up \d+ rows/);
    expect(readdirSync(backup)).toContain('manifest.json');
    const masterKey = readFileSync(join(rookery.dataDir, 'secrets', 'master-key'), 'utf8').trim();
    for (const file of readdirSync(backup, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const bytes = readFileSync(join(file.parentPath, file.name));
      expect(bytes.includes(masterKey) || bytes.includes(CANARY)).toBe(false);
    }
    await expect(run('restore')).rejects.toThrow(/Rookery runs: stop it first/);

    expect(await rookery.interrupt()).toBe(0);
    for (const name of readdirSync(rookery.dataDir)) {
      if (!['secrets', 'credentials', 'VERSION'].includes(name))
        rmSync(join(rookery.dataDir, name), { recursive: true });
    }
    expect(await run('restore')).toMatch(/Restored the backup of/);
    await expect(run('restore')).rejects.toThrow(/not empty/);
    await start();
    await runs();
    await chats('What colour is the door?');
    expect(JSON.stringify(provider.lastAsked.messages)).toContain('the door is green');
    const why = await client.data<{ transitions: { cause: string }[] }>('GET', `/v1/agents/${agent.id}/why`);
    expect(why.transitions.map(({ cause }) => cause).join()).toContain('restored from the backup of');
  }, 240_000);

  it('refuses a data folder of a newer layout', async () => {
    await rookery.interrupt();
    writeFileSync(join(rookery.dataDir, 'VERSION'), '2\n');
    await expect(run('backup')).rejects.toThrow(/layout 2, this version of Rookery knows 1/);
    writeFileSync(join(rookery.dataDir, 'VERSION'), '1\n');
    expect(existsSync(join(rookery.dataDir, 'postgres'))).toBe(true);
  }, 60_000);
});
