import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';
import { type AgentoClient, type Data, agentoClient } from './agento-client.js';
import { allEvents, textOf } from './events.js';

/** The cases in which the contract says what a client may rely on, in its words and its order, against real agents. */
const TABLES = ['agents', 'secrets', 'agent_files', 'agent_file_versions', 'swarms', 'knowledge_chunks'];
const LIMITS = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];

let api: ApiFixture;
let fleet: Fleet;
let client: AgentoClient;
let agent: string;

const create = async (fields: object = {}): Promise<string> =>
  String((await client.data('POST', '/agents', { name: 'A', config: { llmProvider: 'demo' }, ...fields })).id);

const listed = async (path: string): Promise<Data[]> =>
  ((await client.call('GET', path)).body as { data: Data[] }).data;

const say = (fields: object): Promise<Response> =>
  api.open('POST', `/v1/agents/${agent}/chat/messages`, { apiKey: client.org.apiKey, body: fields });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  client = agentoClient(api, await api.organisation(), TABLES);
  agent = await create({ name: 'Chatty' });
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

describe('the acceptance cases of the contract', () => {
  it('1. no key and a wrong key are 401 in the envelope, with the headers of the rate limit', async () => {
    for (const options of [{}, { apiKey: `ak_live_${'0'.repeat(32)}` }]) {
      const answer = await api.request('GET', '/v1/agents', options);
      expect([answer.status, answer.body]).toEqual([
        401,
        { error: { code: 'unauthorized', message: 'Invalid or missing API key' } },
      ]);
      for (const header of LIMITS) expect([header, answer.headers.get(header)]).toEqual([header, expect.any(String)]);
    }
  });

  it('2. a key without the scope is 403', async () => {
    const apiKey = await api.apiKey(client.org, ['agents:read']);
    const post = () => api.request('POST', '/v1/agents', { apiKey, body: { name: 'A' } });
    await client.refused(403, 'forbidden', post, /agents:write/);
  });

  it('3. the 121st call in a minute is 429 with Retry-After', async () => {
    const limited = await startApi({ limits: { ratePerMinute: 120, authPerMinute: 1_000 } });
    try {
      const { apiKey } = await limited.organisation();
      const ask = (): Promise<ApiAnswer> => limited.request('GET', '/v1/account', { apiKey });
      for (let n = 0; n < 120; n += 1) expect((await ask()).status).toBe(200);
      const late = await ask();
      expect([late.status, late.body]).toMatchObject([429, { error: { code: 'rate_limited' } }]);
      expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await limited.close();
    }
  });

  it('4. an agent without a key of a model, and one with a wrong prefix, are 400', async () => {
    for (const secrets of [undefined, {}, { telegramBotToken: '1:a' }, { anthropicApiKey: 'sk-1' }]) {
      await client.refused(400, 'validation_error', ['POST', '/agents', { name: 'A', secrets }], /secrets/);
    }
  });

  it('5. PATCH merges config and flags needsRestart only while it runs; a restart clears it', async () => {
    const id = await create();
    const changed = await client.data('PATCH', `/agents/${id}`, { config: { tone: 'warm' } });
    expect(changed).toMatchObject({ status: 'running', needsRestart: true });
    expect(await client.data('GET', `/agents/${id}`)).toMatchObject({ config: { llmProvider: 'demo', tone: 'warm' } });
    await client.data('POST', `/agents/${id}/restart`);
    expect(await client.data('GET', `/agents/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
    await client.data('POST', `/agents/${id}/stop`);
    expect(await client.data('PATCH', `/agents/${id}`, { config: { tone: 'cool' } })).toMatchObject({
      status: 'stopped',
      needsRestart: false,
    });
  });

  it('6. a deleted agent is gone from the list and 404', async () => {
    const id = await create();
    expect(await client.data('DELETE', `/agents/${id}`)).toEqual({ id, deleted: true });
    expect((await listed('/agents')).map((one) => one.id)).not.toContain(id);
    await client.refused(404, 'not_found', ['GET', `/agents/${id}`]);
  });

  it('7. a reply is text events and then done; the history then holds both messages', async () => {
    const peerId = newId();
    const events = await allEvents(await say({ message: 'Good morning', peerId }));
    const types = events.map(({ data }) => (JSON.parse(data) as { type: string }).type);
    expect(types).toEqual([...types.slice(0, -1).map(() => 'text'), 'done']);
    expect(await listed(`/agents/${agent}/chat/messages?peerId=${peerId}`)).toMatchObject([
      { role: 'user', content: 'Good morning' },
      { role: 'assistant', content: textOf(events) },
    ]);
  });

  it("8. two peers never see each other's history", async () => {
    const [alice, bob] = [newId(), newId()];
    await allEvents(await say({ message: 'My secret word is kestrel', peerId: alice }));
    const answer = textOf(await allEvents(await say({ message: 'What did I say before?', peerId: bob })));
    expect(answer).not.toContain('kestrel');
    const history = await listed(`/agents/${agent}/chat/messages?peerId=${bob}`);
    expect(JSON.stringify(history)).not.toContain('kestrel');
    expect(history).toHaveLength(2);
  });

  it('9. a context of more than 2000 characters once formatted is 400', async () => {
    const send = (context: unknown) => ['POST', `/agents/${agent}/chat/messages`, { message: 'Hi', context }] as const;
    await client.refused(400, 'validation_error', send({ key: 'x'.repeat(1996) }), /context/);
    await client.refused(400, 'validation_error', send('x'.repeat(2001)), /context/);
    const fits = await say({ message: '[[echo fits]]', context: { key: 'x'.repeat(1995) }, peerId: newId() });
    expect(textOf(await allEvents(fits))).toContain('fits');
  });

  it('10. since leaves out what came before; a limit of 500 is lowered to 200', async () => {
    const peerId = newId();
    await allEvents(await say({ message: 'one', peerId }));
    const path = `/agents/${agent}/chat/messages?peerId=${peerId}`;
    const [, answer] = await listed(path);
    await allEvents(await say({ message: 'two', peerId }));
    const later = await listed(`${path}&since=${String(answer?.timestamp)}`);
    expect(later.map(({ content }) => content)).not.toContain('one');
    expect(later[0]).toMatchObject({ role: 'user', content: 'two' });
    const { body } = await client.call('GET', `${path}&limit=500`);
    expect(body).toMatchObject({ pagination: { limit: 200 } });
  });

  it('11. a personality under a stale hash is 409 and stays; under the right one its hash is the SHA-256', async () => {
    const before = await client.data('GET', `/agents/${agent}/personality`);
    const stale = { soulMd: 'Mine', expectedHash: sha256('something else') };
    await client.refused(409, 'conflict', ['PUT', `/agents/${agent}/personality`, stale]);
    expect(await client.data('GET', `/agents/${agent}/personality`)).toEqual(before);
    const soulMd = 'You are Grüße 🐦.';
    const right = { soulMd, expectedHash: before.soulMdHash };
    expect(await client.data('PUT', `/agents/${agent}/personality`, right)).toMatchObject({
      soulMd,
      soulMdHash: sha256(soulMd),
    });
  });

  it('12. the rule name ../x is 400; sizes are bytes and not characters', async () => {
    const path = `/agents/${agent}/rules/${encodeURIComponent('../x')}`;
    await client.refused(400, 'validation_error', ['PUT', path, { content: 'x' }]);
    await client.data('PUT', `/agents/${agent}/rules/umlauts`, { content: 'äöü 🐦' });
    const { rules } = await client.data('GET', `/agents/${agent}/rules`);
    expect(rules).toContainEqual({ name: 'umlauts', size: 11 });
  });

  describe('13. knowledge', () => {
    let swarmId: string;
    let member: string;
    const ingest = (target: object, chunks: readonly object[]): Promise<Data> =>
      client.data('POST', '/knowledge/ingest', { ...target, chunks });

    beforeAll(async () => {
      swarmId = String((await client.data('POST', '/swarms', { name: 'Known' })).id);
      member = await client.insertAgent({ swarmId });
    });

    it('13a. skips a text that was ingested before', async () => {
      const chunks = [{ text: 'Agento is a managed hosting platform for AI agents.', source: 'docs/intro.md' }];
      expect(await ingest({ swarmId }, chunks)).toEqual({ stored: 1, skipped: 0, total: 1 });
      expect(await ingest({ swarmId }, chunks)).toEqual({ stored: 0, skipped: 1, total: 1 });
    });

    it('13b. refuses 101 chunks and 4001 characters', async () => {
      const many = Array.from({ length: 101 }, (_v, n) => ({ text: `text ${n}`, source: 's' }));
      const long = [{ text: 'x'.repeat(4001), source: 's' }];
      for (const chunks of [many, long]) {
        await client.refused(400, 'validation_error', ['POST', '/knowledge/ingest', { swarmId, chunks }], /chunks/);
      }
    });

    it('13c. of an agent in a swarm is the swarm’s, seen through both ids', async () => {
      await ingest({ agentId: member }, [{ text: 'Refunds take five days.', source: 'faq.md' }]);
      const [through, direct] = [
        await listed(`/knowledge?agentId=${member}`),
        await listed(`/knowledge?swarmId=${swarmId}`),
      ];
      expect(through).toEqual(direct);
      expect(direct.map(({ source }) => source)).toContain('faq.md');
    });

    it('13d. is walked by its cursor without a repeat', async () => {
      const subjects = ['tide', 'granite', 'violin', 'ledger', 'orchid', 'comet', 'harbour'];
      await ingest(
        { swarmId },
        subjects.map((subject) => ({ text: `All there is to know about the ${subject}`, source: 'walk' })),
      );
      const seen: unknown[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const { body } = await client.call(
          'GET',
          `/knowledge?swarmId=${swarmId}&limit=2&offset=${cursor}`.replace(/&offset=$/, ''),
        );
        const page = body as { data: Data[]; pagination: { nextOffset: string | null; hasMore: boolean } };
        expect(page.pagination.hasMore).toBe(page.pagination.nextOffset !== null);
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.pagination.nextOffset;
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength((await listed(`/knowledge?swarmId=${swarmId}`)).length);
    });

    it('13e. is not deleted whole without confirm', async () => {
      await client.refused(400, 'validation_error', ['DELETE', `/knowledge?swarmId=${swarmId}&all=true`], /confirm/);
      const { body } = await client.call('DELETE', `/knowledge?swarmId=${swarmId}&all=true&confirm=true`);
      expect(body).toMatchObject({ data: { deleted: true } });
      expect(await listed(`/knowledge?swarmId=${swarmId}`)).toEqual([]);
    });
  });

  it('14. a deleted swarm leaves its agents, with swarm null', async () => {
    const swarm = await client.data('POST', '/swarms', { name: 'Passing' });
    const member = await client.insertAgent({ swarmId: String(swarm.id) });
    expect(await client.data('GET', `/agents/${member}`)).toMatchObject({
      swarm: { id: swarm.id, name: 'Passing', slug: 'passing' },
    });
    await client.data('DELETE', `/swarms/${String(swarm.id)}`);
    expect(await client.data('GET', `/agents/${member}`)).toMatchObject({ swarm: null });
  });

  it('15. a renamed swarm keeps its slug; the same name twice has different slugs', async () => {
    const first = await client.data('POST', '/swarms', { name: 'Growth' });
    const second = await client.data('POST', '/swarms', { name: 'Growth' });
    expect([first.slug, second.slug]).toEqual(['growth', 'growth-2']);
    expect(await client.data('PATCH', `/swarms/${String(first.id)}`, { name: 'Growth Team' })).toMatchObject({
      name: 'Growth Team',
      slug: 'growth',
    });
  });

  it('16. the usage of the account follows starts and stops', async () => {
    const own = agentoClient(api, await api.organisation(), TABLES);
    const usage = async (): Promise<unknown> => (await own.data('GET', '/account')).usage;
    expect(await usage()).toEqual({ agents: 0, runningAgents: 0 });
    const { id } = await own.data('POST', '/agents', { name: 'A', config: { llmProvider: 'demo' } });
    expect(await usage()).toEqual({ agents: 1, runningAgents: 1 });
    await own.data('POST', `/agents/${String(id)}/stop`);
    expect(await usage()).toEqual({ agents: 1, runningAgents: 0 });
    await own.data('POST', `/agents/${String(id)}/start`);
    expect(await usage()).toEqual({ agents: 1, runningAgents: 1 });
    await own.data('DELETE', `/agents/${String(id)}`);
    expect(await usage()).toEqual({ agents: 0, runningAgents: 0 });
  });
});
