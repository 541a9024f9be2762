import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '#libs/testing';
import { ProviderServer } from '../../apps/agent/test/provider-server.js';
import { AgentoClient, textOf, type WireAgent } from './client.js';
import { type RunningRookery, eraseDataDir, startRookery } from './rookery.js';

const CANARY = 'sk-canary-rotation-0123456789';
const NEW_KEY = randomBytes(32).toString('base64url');

describe('npm run secrets:rotate', () => {
  const provider = new ProviderServer('openai');
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;
  let oldKey: string;

  const start = async (keys: Record<string, string> = {}): Promise<void> => {
    rookery = await startRookery({ OPENAI_BASE_URL: provider.url, ...keys }, rookery?.dataDir);
    client = new AgentoClient(rookery.url, rookery.apiKey);
  };

  /** As an operator runs it, beside what is running. */
  const rotate = async (keys: Record<string, string>): Promise<unknown> => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: rookery.dataDir, ...keys };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['scripts/rookery.mjs', 'secrets:rotate'], {
      env,
    });
    expect(stdout + stderr).not.toMatch(new RegExp([CANARY, NEW_KEY, oldKey].join('|')));
    return JSON.parse(/\{.*\}/.exec(stdout)?.[0] ?? 'null');
  };

  const chats = async (peerId = 'ann'): Promise<void> => {
    expect(textOf(await client.chat(agent.id, 'Can you still be paid for?', { peerId }))).toBe('Hello');
    expect(provider.lastAsked.key).toBe(CANARY);
  };

  /** A start is done before its agents are. */
  const runs = (): Promise<unknown> =>
    eventually(async () => (await client.agent(agent.id)).status === 'running', { timeoutMs: 30_000 });

  beforeAll(async () => {
    await provider.start();
    await start();
    oldKey = (await readFile(join(rookery.dataDir, 'secrets', 'master-key'), 'utf8')).trim();
    agent = await client.data('POST', '/v1/agents', { name: 'Rotated', secrets: { openaiApiKey: CANARY } });
  }, 150_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
    await provider.stop();
  }, 60_000);

  it('replaces the data keys of an installation while its agents are paid for', async () => {
    await chats();
    const talking = Promise.all(['bob', 'cy', 'dan'].map((peerId) => chats(peerId)));
    expect(await rotate({})).toEqual({ rewrapped: 0, organisations: 1, secrets: 1 });
    await talking;
    await chats();
  }, 60_000);

  it('replaces the master key', async () => {
    await rookery.interrupt();
    const both = { MASTER_KEY: NEW_KEY, MASTER_KEY_PREVIOUS: oldKey };
    await start(both);
    await runs();
    await chats();
    expect(await rotate(both)).toEqual({ rewrapped: 1, organisations: 1, secrets: 1 });
    await chats();
  }, 120_000);

  it('leaves nothing that needs the old one', async () => {
    await rookery.interrupt();
    await start({ MASTER_KEY: NEW_KEY });
    await runs();
    await chats();
    const body = { secrets: { telegram_bot_token: '1:a' } };
    expect(await client.data('PUT', `/v1/agents/${agent.id}/secrets`, body)).toMatchObject({ updated: true });
    expect(await rotate({ MASTER_KEY: NEW_KEY })).toEqual({ rewrapped: 0, organisations: 1, secrets: 2 });
    await chats();
  }, 120_000);
});
