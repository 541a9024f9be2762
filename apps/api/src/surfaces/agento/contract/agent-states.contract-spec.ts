import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { OrganisationsService } from '#libs/identity';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, agentoClient, iso, uuid } from './agento-client.js';
import { allEvents, eventsOf } from './events.js';

/** Agents whose host is played by an HTTP server of the suite, which answers as `edge` says. */
const TABLES = ['agents', 'secrets', 'agent_files', 'events', 'outbox'];
const good = { name: 'A', secrets: { openaiApiKey: 'sk-1' } };

let api: ApiFixture;
let client: AgentoClient;
let server: Server;
let edge: { status: number; body: string; type: string };
let id: string;
/** Both take longer than any other case here: they begin first and are looked at last. */
let slow: Promise<ApiAnswer>;
let silent: Promise<string>;

const sql = (text: string, values: unknown[] = []): Promise<unknown> => api.db.database.query(text, values);

const insertAgent = async (): Promise<string> => {
  const made = await client.insertAgent();
  await sql(`UPDATE agents SET host_id = 'played', endpoint = '127.0.0.1:1', instance_epoch = epoch WHERE id = $1`, [
    made,
  ]);
  return made;
};

const insertLines = (agentId: string, count: number): Promise<unknown> =>
  sql(
    `INSERT INTO log_lines (agent_id, at, level, line)
     SELECT $1, now(), 'info', '2026-02-10T14:00:05.000Z [info] line ' || n FROM generate_series(1, $2::int) n ORDER BY n`,
    [agentId, count],
  );

/** What a stream says until it has said `pings` comments, or the agent says something. */
async function commentsOf(agentId: string, pings: number): Promise<string> {
  const going = new AbortController();
  const { apiKey } = client.org;
  const response = await api.open('GET', `/v1/agents/${agentId}/logs/stream`, { apiKey, signal: going.signal });
  let said = '';
  for await (const chunk of response.body ?? []) {
    said += new TextDecoder().decode(chunk as Uint8Array);
    if (said.split(': ping\n\n').length > pings) break;
  }
  going.abort();
  return said;
}

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(edge.status, { 'content-type': edge.type }).end(edge.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  api = await startApi();
  client = agentoClient(api, await api.organisation(), TABLES);
  await sql(
    `INSERT INTO hosts (id, runtime, edge_url, capacity_agents, heartbeat_at)
     VALUES ('played', 'process', $1, 100, now() + interval '1 hour')`,
    [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
  );
  await sql('CREATE TABLE log_lines_all PARTITION OF log_lines DEFAULT');
  slow = client.call('POST', '/agents', good);
  silent = commentsOf(await insertAgent(), 2);
});
afterAll(async () => {
  await api?.close();
  server?.closeAllConnections();
  server?.close();
});
beforeEach(async () => {
  edge = { status: 200, body: '{}', type: 'application/json' };
  id = await insertAgent();
});

describe('an agent that failed', () => {
  it('shows what went wrong and of which kind', async () => {
    await sql(
      `UPDATE agents SET status = 'error', last_error = 'No key is stored', error_category = 'auth' WHERE id = $1`,
      [id],
    );
    expect(await client.data('GET', `/agents/${id}`)).toMatchObject({
      status: 'error',
      lastError: 'No key is stored',
      errorCategory: 'auth',
      needsRestart: false,
    });
    expect(await client.data('GET', `/agents/${id}/status`)).toMatchObject({ status: 'error', live: false });
  });
});

describe('the status without a fresh report of the host', () => {
  it('asks the agent itself and says so', async () => {
    expect(await client.data('GET', `/agents/${id}/status`)).toEqual({
      status: 'running',
      containerStatus: 'running',
      live: true,
      resources: null,
      source: 'ssh',
    });
    edge.status = 503;
    expect(await client.data('GET', `/agents/${id}/status`)).toMatchObject({
      containerStatus: 'unknown',
      live: false,
      source: 'ssh',
    });
  });

  it('does not take a report that is old for the present', async () => {
    const report = `INSERT INTO agent_stats (agent_id, at, container_status, memory_bytes, memory_limit_bytes, cpu_percent)
                    VALUES ($1, now() - $2 * interval '1 second', 'running', 134217728, 536870912, 2.349)
                    ON CONFLICT (agent_id) DO UPDATE SET at = excluded.at`;
    await sql(report, [id, 5]);
    expect(await client.data('GET', `/agents/${id}/status`)).toMatchObject({
      resources: { memoryUsage: '128MiB / 512MiB', cpuPercent: '2.35%' },
      source: 'redis',
    });
    await sql(report, [id, 61]);
    expect(await client.data('GET', `/agents/${id}/status`)).toMatchObject({ resources: null, source: 'ssh' });
  });
});

describe('the configuration that is shown', () => {
  const configOf = async (agentId: string): Promise<unknown> => (await client.data('GET', `/agents/${agentId}`)).config;

  it('names the provider whose key the agent has, and how it is paid for', async () => {
    expect(await configOf(id)).toEqual({});
    await client.data('PUT', `/agents/${id}/secrets`, { secrets: { google_api_key: 'AIza' } });
    expect(await configOf(id)).toEqual({ llmProvider: 'google', authType: 'api_key' });
    await client.data('PUT', `/agents/${id}/secrets`, { secrets: { anthropicApiKey: 'sk-ant-1' } });
    expect(await configOf(id)).toEqual({ llmProvider: 'anthropic', authType: 'api_key' });
    await client.data('PATCH', `/agents/${id}`, { config: { llmProvider: 'google', tone: 'warm' } });
    expect(await configOf(id)).toEqual({ llmProvider: 'google', authType: 'api_key', tone: 'warm' });
  });

  it('names the one of its swarm too, and never a key of another account', async () => {
    const swarm = await client.data('POST', '/swarms', { name: 'Keys' });
    await client.data('PUT', `/swarms/${String(swarm.id)}/secrets`, { secrets: { openai_api_key: 'sk-1' } });
    await client.data('PATCH', `/agents/${id}`, { swarmId: swarm.id });
    expect(await configOf(id)).toEqual({ llmProvider: 'openai', authType: 'api_key' });
    await client.data('PATCH', `/agents/${id}`, { swarmId: null });
    expect(await configOf(id)).toEqual({});
  });
});

describe('an agent more than the plan allows', () => {
  it('is refused', async () => {
    const organisations = api.app.get(OrganisationsService, { strict: false });
    const account = organisations.account.bind(organisations);
    organisations.account = async (scope) => {
      const known = await account(scope);
      return { ...known, limits: { ...known.limits, maxAgents: 1 } };
    };
    try {
      await client.refused(403, 'plan_limit_reached', ['POST', '/agents', good], /1 agents/);
    } finally {
      organisations.account = account;
    }
  });
});

describe('a message that the agent fails on', () => {
  it.each<[string, Partial<typeof edge>, RegExp]>([
    ['answers that it cannot', { status: 500, body: '{"error":{"message":"The disk is full"}}' }, /disk is full/],
    ['answers with what is no stream', { body: 'gibberish', type: 'text/plain' }, /./],
    ['does not answer at its host', { status: 502, body: '{"error":{"code":"agent_unreachable"}}' }, /does not answer/],
  ])('ends in an error event when it %s', async (_case, answer, message) => {
    Object.assign(edge, answer);
    const { apiKey } = client.org;
    const response = await api.open('POST', `/v1/agents/${id}/chat/messages`, { apiKey, body: { message: 'Hi' } });
    const events = await allEvents(response);
    expect(response.status).toBe(200);
    expect(events).toHaveLength(1);
    expect(JSON.parse(events[0]?.data ?? '')).toEqual({
      type: 'error',
      message: expect.stringMatching(message),
      code: expect.any(String),
    });
    const run = await client.data('GET', `/agents/${id}/chat/runs/${response.headers.get('x-run-id')}`);
    expect(run).toMatchObject({ status: 'failed' });
  });
});

describe('logs', () => {
  const linesOf = async (query = ''): Promise<string[]> =>
    String((await client.data('GET', `/agents/${id}/logs${query}`)).logs)
      .split('\n')
      .slice(0, -1);

  it('are 100 lines unless asked otherwise, and 1000 at most', async () => {
    await insertLines(id, 1_100);
    const some = await linesOf();
    expect([some.length, some[0], some.at(-1)]).toEqual([
      100,
      '2026-02-10T14:00:05.000Z [info] line 1001',
      '2026-02-10T14:00:05.000Z [info] line 1100',
    ]);
    expect(await linesOf('?tail=7')).toHaveLength(7);
    expect(await linesOf('?tail=0')).toEqual([]);
    const most = await linesOf('?tail=5000');
    expect([most.length, most[0]]).toEqual([1_000, '2026-02-10T14:00:05.000Z [info] line 101']);
  });

  it.each([
    ['', 200],
    ['?tail=3', 3],
    ['?tail=5000', 1_000],
    ['?tail=0', 0],
  ])('are streamed with what came before: %s gives %i lines and then the new one', async (query, count) => {
    await insertLines(id, 1_100);
    const going = new AbortController();
    const options = { apiKey: client.org.apiKey, signal: going.signal };
    const response = await api.open('GET', `/v1/agents/${id}/logs/stream${query}`, options);
    const read: string[] = [];
    // The stream takes its place in the log after its headers: a line of that moment may come before it.
    const writing = count === 0 ? setInterval(() => void insertLines(id, 1), 200) : undefined;
    for await (const { data } of eventsOf(response)) {
      read.push(data);
      if (read.length === count) await insertLines(id, 1);
      if (read.length > count) break;
    }
    clearInterval(writing);
    going.abort();
    expect(read.at(count - 1)).toBe(`2026-02-10T14:00:05.000Z [info] line ${count === 0 ? 1 : 1100}`);
    expect(read.at(-1)).toBe('2026-02-10T14:00:05.000Z [info] line 1');
  });
});

describe('sessions and history', () => {
  it('are the newest 100 sessions, newest first', async () => {
    await sql(
      `INSERT INTO chat_sessions (id, org_id, agent_id, owner, started_at)
       SELECT 'sess_' || $1::uuid || n, $2, $1, 'x', now() + n * interval '1 second' FROM generate_series(1, 105) n`,
      [id, client.org.orgId],
    );
    const { body } = await client.call('GET', `/agents/${id}/chat/sessions`);
    const { data, pagination } = body as { data: { id: string }[]; pagination: unknown };
    expect([data.length, data[0]?.id, data.at(-1)?.id]).toEqual([100, `sess_${id}105`, `sess_${id}6`]);
    expect(pagination).toMatchObject({ limit: 100, offset: 0 });
  });

  it('are the newest 50 messages unless asked otherwise, oldest first', async () => {
    await sql(`INSERT INTO chat_sessions (id, org_id, agent_id, owner) VALUES ($1, $2, $3, 'x')`, [
      `sess_${id}`,
      client.org.orgId,
      id,
    ]);
    await sql(
      `INSERT INTO messages (org_id, agent_id, session_id, role, content)
       SELECT $2, $3, $1, 'user', 'message ' || n FROM generate_series(1, 60) n ORDER BY n`,
      [`sess_${id}`, client.org.orgId, id],
    );
    const { body } = await client.call('GET', `/agents/${id}/chat/messages?sessionId=sess_${id}`);
    const { data, pagination } = body as { data: { content: string }[]; pagination: unknown };
    expect([data.length, data[0]?.content, data.at(-1)?.content]).toEqual([50, 'message 11', 'message 60']);
    expect(pagination).toEqual({ total: 60, limit: 50, offset: 0 });
  });

  it('of a session that is not there are 404', async () => {
    await client.refused(404, 'not_found', ['GET', `/agents/${id}/chat/messages?sessionId=sess_${newId()}`], /Session/);
  });
});

describe('what takes its time', () => {
  it('an agent that does not run within 20 s is answered as provisioning, in eu unless asked otherwise', async () => {
    const { status, body } = await slow;
    expect({ status, body }).toEqual({
      status: 201,
      body: { data: { id: uuid, name: 'A', status: 'provisioning', region: 'eu', createdAt: iso, startedAt: null } },
    });
  }, 60_000);

  it('a stream on which nothing happens is kept alive by a comment', async () => {
    expect(await silent).toBe(': ping\n\n: ping\n\n');
  }, 60_000);
});

describe('an update of the image', () => {
  beforeEach(() => sql(`UPDATE agents SET status = 'stopped', desired_state = 'stopped' WHERE id = $1`, [id]));

  it('is written down with the way back, and taken at the next start of a stopped agent', async () => {
    expect(await client.data('POST', `/agents/${id}/update`, { image: 'rookery/agent:local' })).toMatchObject({
      id,
      status: 'stopped',
      image: 'rookery/agent:local',
      previousImage: expect.any(String),
    });
    expect(await client.data('GET', `/agents/${id}/why`)).toMatchObject({
      image: { reference: 'rookery/agent:local', imageId: null, previousImage: expect.any(String) },
      imageUpdates: [{ outcome: 'wanted', image: 'rookery/agent:local', at: iso, errorCategory: null, error: null }],
    });
  });

  it('is the one of new agents unless another is named', async () => {
    expect(await client.data('POST', `/agents/${id}/update`)).toMatchObject({ image: 'rookery/agent:local' });
  });

  it.each([{ image: 'evil/agent:latest' }, { image: '' }, { image: '$(id)' }, { image: 7 }, { image: null }])(
    'is refused to %j',
    async (body) => {
      await eventually(async () => ((await sql('SELECT 1 FROM outbox')) as unknown[]).length === 0);
      await client.refused(400, 'validation_error', ['POST', `/agents/${id}/update`, body]);
    },
  );
});

describe('a repair and a reset of the memory', () => {
  beforeEach(() => sql(`UPDATE agents SET status = 'stopped', desired_state = 'stopped' WHERE id = $1`, [id]));

  it('are wishes for the host of the agent: a repair to have it run, a reset to leave it as it is', async () => {
    const columns = 'status, desired_state, repair_wanted, memory_reset_wanted';
    const wishes = async (): Promise<Record<string, unknown>> =>
      ((await sql(`SELECT ${columns} FROM agents WHERE id = $1`, [id])) as Record<string, unknown>[])[0]!;
    const going = new AbortController();
    const ask = (path: string): void => {
      const { signal } = going;
      void api.open('POST', `/v1/agents/${id}/${path}`, { apiKey: client.org.apiKey, signal }).catch(() => undefined);
    };
    ask('reset-memory');
    await eventually(async () => (await wishes()).memory_reset_wanted === true);
    expect(await wishes()).toMatchObject({ status: 'stopping', desired_state: 'stopped', repair_wanted: false });
    ask('repair');
    await eventually(async () => (await wishes()).repair_wanted === true);
    expect(await wishes()).toMatchObject({ status: 'restarting', desired_state: 'running', memory_reset_wanted: true });
    going.abort();
  });
});
