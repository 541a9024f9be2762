import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { allEvents, eventsOf, type ServerEvent, textOf } from './events.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

const iso = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let agent: string;
let peerId: string;

const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
  api.request(method, `/v1/agents/${agent}${path}`, { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) });

const open = (method: string, path: string, options: object = {}): Promise<Response> =>
  api.open(method, `/v1/agents/${agent}${path}`, { apiKey: org.apiKey, ...options });

const say = (message: string, fields: object = {}, options: object = {}): Promise<Response> =>
  open('POST', '/chat/messages', { body: { message, peerId, ...fields }, ...options });

const reply = async (message: string, fields: object = {}): Promise<string> =>
  textOf(await allEvents(await say(message, fields)));

const history = async (query = ''): Promise<{ role: string; content: string; timestamp: string }[]> => {
  const { body } = await call('GET', `/chat/messages?peerId=${peerId}${query}`);
  return (body as { data: { role: string; content: string; timestamp: string }[] }).data;
};

const run = async (id: string): Promise<Record<string, unknown>> =>
  ((await call('GET', `/chat/runs/${id}`)).body as { data: Record<string, unknown> }).data;

const endOf = (id: string): Promise<Record<string, unknown>> =>
  eventually(
    async () => {
      const seen = await run(id);
      return seen.status === 'running' ? undefined : seen;
    },
    { timeoutMs: 10_000 },
  );

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
  const body = { name: 'Chatty', config: { llmProvider: 'demo' } };
  const created = await api.request('POST', '/v1/agents', { apiKey: org.apiKey, body });
  agent = (created.body as { data: { id: string } }).data.id;
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});
beforeEach(() => {
  peerId = `peer-${newId()}`;
});

describe('a message', () => {
  it('is answered as a stream of text events and one done', async () => {
    const response = await say('[[echo Hello there, how are you?]]');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('x-ratelimit-limit')).toMatch(/^\d+$/);
    const id = response.headers.get('x-run-id') ?? '';
    const events = await allEvents(response);
    const types = events.map(({ data }) => (JSON.parse(data) as { type: string }).type);
    expect(types.slice(0, -1).every((type) => type === 'text')).toBe(true);
    expect(types.at(-1)).toBe('done');
    expect(textOf(events)).toContain('Hello there');
    expect(events.slice(0, -1).every((event) => event.id?.startsWith(`${id}.`))).toBe(true);
    expect(JSON.parse(events.at(-1)?.data ?? '')).toEqual({ type: 'done' });
  });

  it('and its answer are kept', async () => {
    const text = await reply('Remember the number 7');
    const { status, body } = await call('GET', `/chat/messages?peerId=${peerId}`);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: [
          { role: 'user', content: 'Remember the number 7', timestamp: iso },
          { role: 'assistant', content: text, timestamp: iso },
        ],
        pagination: { total: 2, limit: 50, offset: 0 },
      },
    });
  });

  it('flows as the model produces it', async () => {
    const response = await say('[[slow 20x100]]');
    const statuses: unknown[] = [];
    for await (const event of eventsOf(response)) {
      if (event.id && statuses.length === 0) statuses.push((await run(response.headers.get('x-run-id') ?? '')).status);
    }
    expect(statuses).toEqual(['running']);
  });

  it('may carry context, which the agent sees and the history does not show', async () => {
    expect(await reply('[[echo ok]]', { context: { name: 'Alice', plan: 'Pro' } })).toContain('ok');
    expect(JSON.stringify(await history())).not.toContain('Alice');
  });

  it('that the model fails ends in an error event', async () => {
    const response = await say('[[fail 400]]');
    const events = await allEvents(response);
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ type: 'error', message: expect.any(String) });
    expect(await endOf(response.headers.get('x-run-id') ?? '')).toMatchObject({ status: 'failed' });
  });

  it('to a busy session is refused before a stream begins', async () => {
    const first = await say('[[slow 40x50]]');
    const second = await say('Hi');
    expect(second.status).toBe(409);
    expect(second.headers.get('content-type')).toContain('application/json');
    expect(await second.json()).toMatchObject({ error: { code: 'conflict' } });
    await first.body?.cancel();
  });
});

describe('peers', () => {
  it('never see each other', async () => {
    const alice = peerId;
    await reply('My secret word is kestrel');
    peerId = `peer-${newId()}`;
    expect(await reply('What did I say before?')).not.toContain('kestrel');
    expect(JSON.stringify(await history())).not.toContain('kestrel');
    const { body } = await call('GET', `/chat/sessions?peerId=${alice}`);
    const [session] = (body as { data: { id: string }[] }).data;
    const foreign = await say('Hi', { sessionId: session?.id });
    expect([foreign.status, await foreign.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });

  it('of different keys without a name are different', async () => {
    const apiKey = await api.apiKey(org);
    await allEvents(await open('POST', '/chat/messages', { body: { message: 'My secret word is heron' } }));
    const theirs = await allEvents(
      await api.open('POST', `/v1/agents/${agent}/chat/messages`, {
        apiKey,
        body: { message: 'What did I say before?' },
      }),
    );
    expect(textOf(theirs)).not.toContain('heron');
  });

  it('are remembered', async () => {
    await reply('My secret word is osprey');
    expect(await reply('What did I say before?')).toContain('osprey');
  });
});

describe('history', () => {
  it('gives what came after a moment, at most 200 a time', async () => {
    await reply('one');
    const [, first] = await history();
    await reply('two');
    expect((await history(`&since=${first?.timestamp}`)).map(({ content }) => content)[0]).toBe('two');
    const { body } = await call('GET', `/chat/messages?peerId=${peerId}&limit=500`);
    expect(body).toMatchObject({ pagination: { total: 4, limit: 200, offset: 0 } });
    expect(await history('&limit=1')).toHaveLength(1);
  });
});

describe('sessions', () => {
  it('begin anew and become the default', async () => {
    await reply('My secret word is plover');
    const { status, body } = await call('POST', '/chat/sessions', { name: 'Second', peerId });
    expect({ status, body }).toEqual({
      status: 201,
      body: { data: { id: expect.stringMatching(/^sess_/), startedAt: iso } },
    });
    const { id } = (body as { data: { id: string } }).data;
    expect(await reply('What did I say before?')).not.toContain('plover');
    expect(await history(`&sessionId=${id}`)).toHaveLength(2);
    const listed = await call('GET', `/chat/sessions?peerId=${peerId}`);
    expect(listed.body).toEqual({
      data: [
        { id, name: 'Second', channel: 'api', startedAt: iso },
        { id: expect.stringMatching(/^sess_/), name: null, channel: 'api', startedAt: iso },
      ],
      pagination: { total: 2, limit: 100, offset: 0 },
    });
  });

  it('can be made without a body', async () => {
    expect((await call('POST', '/chat/sessions')).status).toBe(201);
  });

  it('that are unknown are 404', async () => {
    const response = await say('Hi', { sessionId: 'sess_unknown' });
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });
});

describe('runs', () => {
  /** Reads until the first text and leaves. */
  const leave = async (fields: object): Promise<{ id: string; read: ServerEvent[] }> => {
    const going = new AbortController();
    const response = await say('[[slow 60x30]]', fields, { signal: going.signal });
    const read: ServerEvent[] = [];
    for await (const event of eventsOf(response)) {
      read.push(event);
      break;
    }
    going.abort();
    return { id: response.headers.get('x-run-id') ?? '', read };
  };

  it('are cancelled when the client leaves, and keep what was said', async () => {
    const { id } = await leave({});
    expect(await endOf(id)).toMatchObject({ id, status: 'cancelled', onDisconnect: 'cancel', finishedAt: iso });
    const [, answer] = await history();
    expect(answer?.role).toBe('assistant');
    expect(answer?.content).not.toBe('');
    expect(await reply('[[echo next]]')).toContain('next');
  });

  it('go on when asked to, and can be read again from where the client was', async () => {
    const { id, read } = await leave({ onDisconnect: 'continue' });
    const headers = { 'last-event-id': read[0]?.id ?? '' };
    const rest = await allEvents(await open('GET', `/chat/runs/${id}/stream`, { headers }));
    expect(await run(id)).toMatchObject({ status: 'completed' });
    const whole = await allEvents(await open('GET', `/chat/runs/${id}/stream`));
    expect(textOf(read) + textOf(rest)).toBe(textOf(whole));
    const [, answer] = await history();
    expect(answer?.content).toBe(textOf(whole));
    expect(whole.at(-1)?.data).toBe('{"type":"done"}');
  });

  it('happen once for one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': `chat-${newId()}` };
    const first = await say('[[echo once]]', {}, { headers });
    const said = textOf(await allEvents(first));
    const again = await say('[[echo once]]', {}, { headers });
    expect(again.headers.get('x-run-id')).toBe(first.headers.get('x-run-id'));
    expect(textOf(await allEvents(again))).toBe(said);
    expect(await history()).toHaveLength(2);
    const other = await say('[[echo twice]]', {}, { headers });
    expect([other.status, await other.json()]).toMatchObject([422, { error: { code: 'idempotency_key_reused' } }]);
  });

  it('that are unknown, or of another organisation, are 404', async () => {
    const response = await say('[[echo mine]]');
    await allEvents(response);
    const id = response.headers.get('x-run-id') ?? '';
    const stranger = await api.organisation();
    for (const [path, apiKey] of [
      [`/chat/runs/${newId()}`, org.apiKey],
      [`/chat/runs/${newId()}/stream`, org.apiKey],
      [`/chat/runs/${id}`, stranger.apiKey],
      [`/chat/runs/${id}/stream`, stranger.apiKey],
    ]) {
      expect((await api.request('GET', `/v1/agents/${agent}${path}`, { apiKey: apiKey ?? '' })).status).toBe(404);
    }
  });
});

describe('logs', () => {
  it('are given as text, newest last', async () => {
    const logs = await eventually(
      async () => {
        const { body } = await call('GET', '/logs');
        const { logs: text } = (body as { data: { logs: string } }).data;
        return text === '' ? undefined : text;
      },
      { timeoutMs: 10_000 },
    );
    expect(logs.endsWith('\n')).toBe(true);
    for (const line of logs.trimEnd().split('\n')) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+\] /);
    const { body } = await call('GET', '/logs?tail=1');
    expect((body as { data: { logs: string } }).data.logs.trimEnd().split('\n')).toHaveLength(1);
  });

  it('are streamed raw, with history first and then each new line', async () => {
    const going = new AbortController();
    const response = await open('GET', '/logs/stream?tail=1', { signal: going.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const lines: ServerEvent[] = [];
    for await (const event of eventsOf(response)) {
      lines.push(event);
      if (lines.length === 1) await call('POST', '/restart');
      if (lines.length === 3) break;
    }
    going.abort();
    for (const { data } of lines) expect(data).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+\] /);
    const headers = { 'last-event-id': lines[1]?.id ?? '' };
    const again = new AbortController();
    for await (const event of eventsOf(await open('GET', '/logs/stream', { headers, signal: again.signal }))) {
      expect(event).toEqual(lines[2]);
      break;
    }
    again.abort();
  });
});
