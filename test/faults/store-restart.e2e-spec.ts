import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type TestCluster,
  type TestRedis,
  describeIf,
  eventually,
  requireTool,
  startRedis,
  testCluster,
} from '#libs/testing';
import { AgentoClient, type WireAgent, textOf } from '../e2e/client.js';
import { type RunningRookery, eraseDataDir, startRookery } from '../e2e/rookery.js';

const RATE = { RATE_LIMIT_PER_MINUTE: '1000000' };

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly code: string | undefined;
}

/** Reads and writes, four at a time, until stopped; gathers every answer. */
function load(client: AgentoClient, agentId: string): { stop(): Promise<Answer[]> } {
  const answers: Answer[] = [];
  let isOver = false;
  const lane = async (method: string, path: string, body?: object): Promise<void> => {
    while (!isOver) {
      const { status, headers, body: answer } = await client.call<{ error?: { code: string } }>(method, path, body);
      answers.push({ status, retryAfter: headers.get('retry-after'), code: answer.error?.code });
      await sleep(10);
    }
  };
  const lanes = Promise.all([
    lane('GET', `/v1/agents/${agentId}`),
    lane('GET', '/v1/agents'),
    lane('POST', `/v1/agents/${agentId}/chat/sessions`, {}),
    lane('PATCH', `/v1/agents/${agentId}`, { name: 'Renamed under load' }),
  ]);
  return {
    stop: async () => {
      isOver = true;
      await lanes;
      return answers;
    },
  };
}

/** Statuses of a peer's runs. */
async function runsOf(databaseUrl: string, peerId: string): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ status: string }>(
    `SELECT r.status FROM runs r JOIN chat_sessions s ON s.id = r.session_id WHERE s.peer_id = $1`,
    [peerId],
  );
  await client.end();
  return rows.map(({ status }) => status);
}

function withRookery(
  environment: () => Promise<Record<string, string>>,
  tests: (world: () => { rookery: RunningRookery; client: AgentoClient; agent: WireAgent }) => void,
): void {
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;
  beforeAll(async () => {
    rookery = await startRookery({ ...RATE, ...(await environment()) });
    client = new AgentoClient(rookery.url, rookery.apiKey);
    agent = await client.createDemoAgent('Bystander');
  }, 180_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
  }, 60_000);
  tests(() => ({ rookery, client, agent }));
}

describe('Postgres restarted under load', () => {
  let cluster: TestCluster;

  withRookery(
    async () => {
      cluster = await testCluster();
      return { DATABASE_URL: cluster.url };
    },
    (world) => {
      it('answers 503 with Retry-After meanwhile, then works again without a restart of ours', async () => {
        const { rookery, client, agent } = world();
        const traffic = load(client, agent.id);
        await sleep(500);
        await cluster.stop();
        await sleep(2_000);
        await cluster.start();
        await eventually(async () => (await client.call('GET', `/v1/agents/${agent.id}`)).status === 200);
        await sleep(500);
        const answers = await traffic.stop();
        const refused = answers.filter(({ status }) => status >= 300);
        expect(refused.length).toBeGreaterThan(0);
        expect(refused.filter(({ status, retryAfter }) => status !== 503 || Number(retryAfter) < 1)).toEqual([]);
        expect(new Set(refused.map(({ code }) => code)).size).toBe(1);
        const another = await client.createDemoAgent('After the restart');
        expect(another.status).toBe('running');
        expect(textOf(await client.chat(agent.id, 'Still there?'))).not.toBe('');
        expect(rookery.output()).not.toMatch(/(api|worker|edge) ended/);
      }, 90_000);

      it.each([
        ['goes on after it', '[[slow 200x50ms]]', 200],
        ['ends in the middle of it', '[[slow 40x50ms]]', 40],
      ])(
        'gives and stores the whole reply of a chat that %s',
        async (what, message, words) => {
          const { rookery, client, agent } = world();
          const answered = client.chat(agent.id, message, { peerId: what });
          await eventually(async () => (await runsOf(cluster.url, what)).length === 1);
          await sleep(500);
          await cluster.stop();
          await sleep(3_000);
          await cluster.start();
          const frames = await answered;
          expect(frames.at(-1)).toEqual({ type: 'done' });
          const text = textOf(frames);
          expect(text.trim().split(/\s+/)).toHaveLength(words);
          expect(await runsOf(cluster.url, what)).toEqual(['completed']);
          const history = `/v1/agents/${agent.id}/chat/messages?peerId=${encodeURIComponent(what)}`;
          const stored = await client.data<{ content: string }[]>('GET', history);
          expect(stored.map(({ content }) => content)).toEqual([message, text]);
          expect(rookery.output()).not.toMatch(/(api|worker|edge) ended/);
        },
        90_000,
      );
    },
  );
  afterAll(() => cluster?.close());
});

describeIf(requireTool('redis-server'), 'Redis flushed and restarted under load', () => {
  let redis: TestRedis;

  withRookery(
    async () => {
      redis = await startRedis();
      return { REDIS_URL: redis.url };
    },
    (world) => {
      it('fails no request and loses no work', async () => {
        const { client, agent } = world();
        const traffic = load(client, agent.id);
        await redis.flush();
        const flushed = await client.createDemoAgent('Made after the flush');
        await redis.restart();
        const restarted = await client.createDemoAgent('Made after the restart');
        const answers = await traffic.stop();
        expect(answers.filter(({ status }) => status >= 300)).toEqual([]);
        for (const { id } of [flushed, restarted]) {
          await eventually(async () => (await client.agent(id)).status === 'running', { timeoutMs: 30_000 });
        }
        expect(await client.data('POST', `/v1/agents/${agent.id}/stop`)).toMatchObject({ status: 'stopped' });
      }, 120_000);
    },
  );
  afterAll(() => redis?.stop());
});
