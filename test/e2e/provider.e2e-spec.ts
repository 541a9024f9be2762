import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestDatabase, eventually, testDatabase } from '#libs/testing';
import { AgentoClient, type ChatFrame, textOf, type WireAgent } from './client.js';
import { LocalProvider } from './local-provider.js';
import { type RunningRookery, eraseDataDir, startRookery } from './rookery.js';

const KEY = 'sk-local-provider';

interface Run {
  readonly status: string;
  readonly error_code: string | null;
}

interface Usage {
  readonly calls: number;
  readonly estimated: number;
}

describe('a whole Rookery and a provider', () => {
  const provider = new LocalProvider(KEY);
  let db: TestDatabase;
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;

  beforeAll(async () => {
    db = await testDatabase();
    rookery = await startRookery({
      DATABASE_URL: db.url,
      OPENAI_BASE_URL: await provider.start(),
      PROVIDER_SILENCE_TIMEOUT_SECONDS: '1',
    });
    client = new AgentoClient(rookery.url, rookery.apiKey);
    agent = await client.data('POST', '/v1/agents', {
      name: 'Bad day',
      secrets: { openaiApiKey: KEY },
      config: { llmProvider: 'openai', model: 'm', maxTokens: 200 },
    });
    await budget({ dailyLimitTokens: 1_000_000 });
  }, 180_000);
  afterAll(async () => {
    await rookery?.interrupt();
    await provider.stop();
    await db?.close();
    if (rookery) await eraseDataDir(rookery.dataDir);
  }, 60_000);

  const budget = (limits: object): Promise<unknown> =>
    client.data('PUT', '/v1/budgets', { scope: 'agent', id: agent.id, ...limits });
  /** In a session of its own: what failed before is part of no later prompt. */
  const say = (message: string): Promise<ChatFrame[]> => client.chat(agent.id, message, { peerId: randomUUID() });
  const usage = async (): Promise<Usage> => {
    const sql = `SELECT coalesce(sum(calls), 0)::int AS calls, coalesce(sum(estimated_calls), 0)::int AS estimated FROM usage_daily`;
    return (await db.database.query<Usage>(sql))[0]!;
  };
  const lastRun = async (): Promise<Run | undefined> =>
    (await db.database.query<Run>('SELECT status, error_code FROM runs ORDER BY started_at DESC LIMIT 1'))[0];

  /** Nothing is reserved, and the budget says what the usage says. */
  const settled = async (timeoutMs = 10_000): Promise<void> => {
    await eventually(async () => (await db.database.query('SELECT 1 FROM usage_reservations')).length === 0, {
      timeoutMs,
      intervalMs: 100,
    });
    const [row] = await db.database.query(
      `SELECT day_held_tokens::int AS held, month_held_micro_usd::int AS "heldUsd",
              day_used_tokens = (SELECT coalesce(sum(input_tokens + output_tokens), 0) FROM usage_daily) AS agrees
         FROM budgets`,
    );
    expect(row).toEqual({ held: 0, heldUsd: 0, agrees: true });
  };
  const failure = (frames: readonly ChatFrame[]): ChatFrame | undefined => frames.at(-1);

  it('counts a turn by the report of the provider', async () => {
    expect(textOf(await say('Hello'))).toBe('Hello from the provider');
    await settled();
    const { body } = await client.call<{ data: object[] }>('GET', '/v1/usage?groupBy=model');
    expect(body.data).toEqual([
      expect.objectContaining({ provider: 'openai', model: 'm', calls: 1, inputTokens: 40, outputTokens: 4 }),
    ]);
  }, 60_000);

  it.each([
    ['refuse', 'provider_refused', 0],
    ['garbage', 'provider_error', 1],
    ['cut', 'provider_', 1],
    ['silent', 'provider_timeout', 1],
    ['hang', 'provider_timeout', 1],
  ])(
    'ends the run as failed when the provider is to %s, and settles',
    async (mode, code, counted) => {
      const before = await usage();
      expect(failure(await say(`[${mode}] please`))?.type).toBe('error');
      expect(await lastRun()).toEqual({ status: 'failed', error_code: expect.stringMatching(`^${code}`) });
      await settled();
      const after = await usage();
      if (counted === 0) expect(after).toEqual(before);
      else expect(after.estimated).toBeGreaterThan(before.estimated);
      expect(after.calls - before.calls).toBe(after.estimated - before.estimated);
    },
    60_000,
  );

  it('ends the run with budget_exceeded when a budget is below one call, and goes on once it is raised', async () => {
    const asked = provider.keys.length;
    await budget({ dailyLimitTokens: 1 });
    const refused = failure(await say('Too dear?'));
    expect(refused).toMatchObject({
      type: 'error',
      message: expect.stringMatching(/daily budget of this agent .*limit 1 tokens.*resets at/),
    });
    expect(await lastRun()).toEqual({ status: 'failed', error_code: 'budget_exceeded' });
    expect(provider.keys.length).toBe(asked);
    await budget({ dailyLimitTokens: 1_000_000 });
    expect(textOf(await say('And now?'))).toBe('Hello from the provider');
    await settled();
  }, 60_000);

  it('settles what a killed edge left', async () => {
    const before = await usage();
    const edge = edgePid(rookery.dataDir);
    const chat = say('[silent]');
    await eventually(async () => (await db.database.query('SELECT 1 FROM usage_reservations')).length === 1);
    process.kill(edge, 'SIGKILL');
    expect(failure(await chat)?.type).toBe('error');
    await settled(60_000);
    const after = await usage();
    expect(after.estimated).toBeGreaterThan(before.estimated);
    await eventually(async () => textOf(await say('Back?')) === 'Hello from the provider', {
      timeoutMs: 30_000,
      intervalMs: 500,
    });
    await settled();
  }, 120_000);
});

function edgePid(dataDir: string): number {
  const children = JSON.parse(readFileSync(join(dataDir, 'children.json'), 'utf8')) as Record<string, { pid: number }>;
  const { edge } = children;
  if (!edge) throw new Error(`There is no edge among ${Object.keys(children).join(', ')}`);
  return edge.pid;
}
