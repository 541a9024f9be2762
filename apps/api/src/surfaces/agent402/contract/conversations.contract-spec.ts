import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

type Body = Record<string, unknown>;

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.any(String);

let api: ApiFixture;
let org: ApiOrganisation;
let token: string;
let agent: string;
let other: string;

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
  token = await ownerToken(api, org);
  [agent, other] = [await insertAgent(org), await insertAgent(org)];
}, 60_000);
afterAll(() => api.close());

async function insertAgent({ orgId }: ApiOrganisation): Promise<string> {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status) VALUES ($1, $2, 'Ada', 'eu', 'x', 'stopped')`,
    [id, orgId],
  );
  return id;
}

const call = (method: string, path = '', body?: unknown, as: Partial<{ token: string; apiKey: string }> = { token }) =>
  api.request(method, `/api/v1/conversations${path}`, { ...as, ...(body === undefined ? {} : { body }) });

async function begin(more: object = {}, as = { token }): Promise<string> {
  const { body } = await call('POST', '', { agent_id: agent, ...more }, as);
  return (body as { id: string }).id;
}
const say = (id: string, content: string, role = 'user'): Promise<ApiAnswer> =>
  call('POST', `/${id}/messages`, { role, content });

async function refused(answer: Promise<ApiAnswer>, status: number, detail: unknown = text): Promise<void> {
  const { status: given, body } = await answer;
  expect([given, body]).toEqual([status, { detail, request_id: uuid }]);
}
const issue = (field: string, type: string, place = 'body'): unknown =>
  expect.arrayContaining([{ loc: [place, field], msg: text, type }]);

/** A colleague of the owner. */
async function colleague(role: string): Promise<string> {
  const userId = newId();
  await api.db.database.query(`INSERT INTO users (id, email, full_name) VALUES ($1, $2, 'C')`, [
    userId,
    `${userId}@x.test`,
  ]);
  await api.db.database.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [
    org.orgId,
    userId,
    role,
  ]);
  return ownerToken(api, { ...org, userId });
}

describe('POST /conversations', () => {
  it('begins one with every documented field', async () => {
    const answer = await call('POST', '', {
      agent_id: agent,
      workspace_id: org.orgId,
      user_id: org.userId,
      channel: 'telegram',
      channel_conversation_id: 'chat-1',
      title: '<b>Billing</b>',
      metadata: { plan: 'pro' },
    });
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        id: uuid,
        workspace_id: org.orgId,
        agent_id: agent,
        agent_swarm_instance_id: agent,
        user_id: org.userId,
        channel: 'telegram',
        channel_conversation_id: 'chat-1',
        title: 'Billing',
        status: 'ACTIVE',
        conversation_metadata: { plan: 'pro' },
        message_count: 0,
        created_at: iso,
        updated_at: iso,
        archived_at: null,
        last_message_at: null,
      },
    ]);
    const { id } = answer.body as { id: string };
    expect((await call('GET', `/${id}`)).body).toEqual(answer.body);
  });

  it('has one conversation for each of a channel, again after it was deleted', async () => {
    const body = { agent_id: agent, channel: 'slack', channel_conversation_id: 'C1' };
    const id = await begin(body);
    await refused(call('POST', '', body), 409);
    await call('DELETE', `/${id}`);
    expect((await call('POST', '', body)).status).toBe(201);
    expect((await call('POST', '', { ...body, channel: 'discord' })).status).toBe(201);
  });

  it('makes one for a request that is repeated', async () => {
    const headers = { 'idempotency-key': newId() };
    const send = (): Promise<ApiAnswer> =>
      api.request('POST', '/api/v1/conversations', { token, headers, body: { agent_id: agent } });
    const [first, second] = [await send(), await send()];
    expect(second.body).toEqual(first.body);
  });

  it("refuses an unknown agent, workspace and user, and another organisation's agent", async () => {
    const stranger = await api.organisation();
    await refused(call('POST', '', { agent_id: newId() }), 404, 'Agent not found');
    await refused(call('POST', '', { agent_id: await insertAgent(stranger) }), 404, 'Agent not found');
    await refused(call('POST', '', { agent_id: agent, workspace_id: newId() }), 404, 'Workspace not found');
    await refused(call('POST', '', { agent_id: agent, workspace_id: stranger.orgId }), 404, 'Workspace not found');
    await refused(call('POST', '', { agent_id: agent, user_id: stranger.userId }), 404, 'User not found');
  });

  it('lets owners and admins alone begin one for a colleague', async () => {
    const member = await colleague('MEMBER');
    await refused(call('POST', '', { agent_id: agent, user_id: org.userId }, { token: member }), 403);
    const { body } = await api.request('GET', '/api/v1/auth/me', { token: member });
    const { id: userId } = body as { id: string };
    const made = await call('POST', '', { agent_id: agent, user_id: userId });
    expect(made).toMatchObject({ status: 201, body: { user_id: userId } });
    expect((await call('GET', `/${(made.body as Body).id as string}`, undefined, { token: member })).status).toBe(200);
  });

  it.each([
    ['no agent', {}, 'agent_id', 'missing'],
    ['an id that is none', { agent_id: 'x' }, 'agent_id', 'uuid_parsing'],
    ['an unknown channel', { channel: 'pigeon' }, 'channel', 'literal_error'],
    ['metadata too deep', { metadata: { a: { b: { c: { d: 1 } } } } }, 'metadata', 'value_error'],
    ['metadata with a long text', { metadata: { a: 'x'.repeat(1_001) } }, 'metadata', 'value_error'],
    ['metadata that is a list', { metadata: [1] }, 'metadata', 'value_error'],
    ['metadata with a key that is code', { metadata: { eval: 1 } }, 'metadata', 'value_error'],
  ])('refuses %s', async (_what, fields, field, type) => {
    const body = field === 'agent_id' ? fields : { agent_id: agent, ...fields };
    await refused(call('POST', '', body), 422, issue(field, type));
  });

  it('refuses metadata that reaches for a prototype', async () => {
    const body = `{"agent_id":"${agent}","metadata":{"__proto__":{"admin":true}}}`;
    const headers = { 'content-type': 'application/json' };
    const { status } = await api.request('POST', '/api/v1/conversations', { token, body, headers });
    expect([400, 422]).toContain(status);
  });
});

describe('GET /conversations', () => {
  it("lists the caller's own, newest first, by agent, status and page", async () => {
    const mine = await colleague('MEMBER');
    const as = { token: mine };
    const ids = [await begin({}, as), await begin({ agent_id: other }, as), await begin({}, as)];
    await call('POST', `/${ids[0]}/archive`, undefined, as);
    await call('DELETE', `/${ids[2]}`, undefined, as);
    const list = async (query: string): Promise<unknown[]> => {
      const { body } = await call('GET', query, undefined, as);
      const { conversations, ...numbers } = body as { conversations: { id: string }[] };
      return [conversations.map(({ id }) => id), numbers];
    };
    expect(await list('')).toEqual([[ids[1], ids[0]], { total: 2, limit: 50, offset: 0 }]);
    expect(await list('?limit=1&offset=1')).toEqual([[ids[0]], { total: 2, limit: 1, offset: 1 }]);
    expect(await list(`?agent_id=${agent}`)).toEqual([[ids[0]], { total: 1, limit: 50, offset: 0 }]);
    expect((await list('?status=ARCHIVED'))[0]).toEqual([ids[0]]);
    expect((await list('?status=DELETED'))[0]).toEqual([ids[2]]);
    expect((await list(`?workspace_id=${org.orgId}`))[0]).toHaveLength(2);
    expect(await list('?offset=9')).toEqual([[], { total: 2, limit: 50, offset: 9 }]);
  });

  it('refuses another workspace and pages that are none', async () => {
    await refused(call('GET', `?workspace_id=${newId()}`), 403);
    await refused(call('GET', '?limit=10000'), 422, issue('limit', 'less_than_equal', 'query'));
    await refused(call('GET', '?limit=0'), 422, issue('limit', 'greater_than_equal', 'query'));
    await refused(call('GET', '?status=OPEN'), 422, issue('status', 'literal_error', 'query'));
  });
});

describe('whose a conversation is', () => {
  it("is its owner's: a colleague is refused, a stranger finds nothing, a key of the owner gets in", async () => {
    const id = await begin();
    const admin = { token: await colleague('ADMIN') };
    const stranger = { apiKey: (await api.organisation()).apiKey };
    const routes: [string, string, object?][] = [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/messages'],
      ['POST', '/messages', { role: 'user', content: 'x' }],
      ['POST', '/attach-agent', { agent_id: other }],
      ['GET', '/context'],
      ['GET', '/search?q=x'],
      ['POST', '/search', { query: 'x' }],
      ['POST', '/archive'],
    ];
    for (const [method, path, body] of routes) {
      await refused(call(method, `/${id}${path}`, body, admin), 403, 'This conversation belongs to another user');
      await refused(call(method, `/${id}${path}`, body, stranger), 404, 'Conversation not found');
      await refused(call(method, `/${newId()}${path}`, body), 404, 'Conversation not found');
      await refused(call(method, `/nonsense${path}`, body), 404, 'Conversation not found');
    }
    expect((await call('GET', `/${id}`)).body).toMatchObject({ status: 'ACTIVE', agent_id: agent, message_count: 0 });
    expect((await call('GET', `/${id}`, undefined, { apiKey: org.apiKey })).status).toBe(200);
    await refused(call('GET', `/${id}`, undefined, {}), 401);
  });
});

describe('messages', () => {
  it('are stored and listed, oldest first', async () => {
    const id = await begin();
    const made = await call('POST', `/${id}/messages`, {
      role: 'user',
      content: 'What is <i>1 < 2 & 3</i>?',
      metadata: { source: 'mail' },
    });
    const message = {
      id: text,
      role: 'user',
      content: 'What is 1 < 2 & 3?',
      timestamp: iso,
      metadata: { source: 'mail' },
    };
    expect([made.status, made.body]).toEqual([201, message]);
    await say(id, 'True.', 'assistant');
    await say(id, 'Be brief.', 'system');
    const { body } = await call('GET', `/${id}/messages`);
    expect(body).toEqual({
      messages: [
        message,
        { id: text, role: 'assistant', content: 'True.', timestamp: iso, metadata: {} },
        { id: text, role: 'system', content: 'Be brief.', timestamp: iso, metadata: {} },
      ],
      total: 3,
      limit: 50,
      offset: 0,
    });
    const page = await call('GET', `/${id}/messages?limit=1&offset=1`);
    expect(page.body).toMatchObject({ messages: [{ content: 'True.' }], total: 3 });
    expect((await call('GET', `/${id}/messages?offset=7`)).body).toMatchObject({ messages: [], total: 3 });
    expect((await call('GET', `/${id}`)).body).toMatchObject({ message_count: 3, last_message_at: iso });
  });

  it.each([
    ['an empty text', { role: 'user', content: '' }, 'content', 'string_too_short'],
    ['nothing but tags', { role: 'user', content: '<b></b>' }, 'content', 'string_too_short'],
    ['a long text', { role: 'user', content: 'x'.repeat(50_001) }, 'content', 'string_too_long'],
    ['an unknown role', { role: 'tool', content: 'x' }, 'role', 'literal_error'],
    ['no text', { role: 'user' }, 'content', 'missing'],
  ])('refuses %s and stores nothing', async (_what, body, field, type) => {
    const id = await begin();
    await refused(call('POST', `/${id}/messages`, body), 422, issue(field, type));
    expect((await call('GET', `/${id}/messages`)).body).toMatchObject({ total: 0 });
  });

  it('are not listed ten thousand at once', async () => {
    await refused(
      call('GET', `/${await begin()}/messages?limit=10000`),
      422,
      issue('limit', 'less_than_equal', 'query'),
    );
  });

  it('takes 50,000 characters', async () => {
    expect((await say(await begin(), 'x'.repeat(50_000))).status).toBe(201);
  });
});

describe('POST /conversations/:id/archive', () => {
  it('closes it for good, twice is once, and it can still be read', async () => {
    const id = await begin();
    await say(id, 'Bye');
    const first = await call('POST', `/${id}/archive`);
    expect([first.status, first.body]).toMatchObject([200, { status: 'ARCHIVED', archived_at: iso }]);
    expect((await call('POST', `/${id}/archive`)).body).toEqual(first.body);
    await refused(say(id, 'Hello again'), 409);
    await refused(call('POST', `/${id}/attach-agent`, { agent_id: other }), 409);
    expect((await call('GET', `/${id}/messages`)).body).toMatchObject({ total: 1 });
  });
});

describe('DELETE /conversations/:id', () => {
  it("takes it out of every view, agento's too, and erases it after its time", async () => {
    const id = await begin({}, { token });
    await say(id, 'Secret plans');
    expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 204, body: undefined });
    for (const path of ['', '/messages', '/context', '/search?q=secret']) {
      await refused(call('GET', `/${id}${path}`), 404, 'Conversation not found');
    }
    await refused(call('DELETE', `/${id}`), 404, 'Conversation not found');
    const sessions = await api.request('GET', `/v1/agents/${agent}/chat/sessions`, { token });
    const rows = await api.db.database.query<{ id: string }>(
      'SELECT id FROM chat_sessions WHERE conversation_id = $1',
      [id],
    );
    expect(JSON.stringify(sessions.body)).not.toContain(rows[0]?.id);
    const history = await api.request('GET', `/v1/agents/${agent}/chat/messages`, { token });
    expect(JSON.stringify(history.body)).not.toContain('Secret plans');
  });
});

describe('POST /conversations/:id/attach-agent', () => {
  it('hands it over with everything that was said', async () => {
    const id = await begin();
    await say(id, 'Remember me');
    const answer = await call('POST', `/${id}/attach-agent`, { agent_id: other });
    expect([answer.status, answer.body]).toMatchObject([200, { id, agent_id: other, message_count: 1 }]);
    const history = await api.request('GET', `/v1/agents/${other}/chat/messages`, { token });
    expect(JSON.stringify(history.body)).toContain('Remember me');
    expect((await call('POST', `/${id}/attach-agent`, { agent_id: other })).status).toBe(200);
  });

  it('refuses an unknown agent, and to pull one away in the middle of its answer', async () => {
    const id = await begin();
    await refused(call('POST', `/${id}/attach-agent`, { agent_id: newId() }), 404, 'Agent not found');
    await refused(call('POST', `/${id}/attach-agent`, {}), 422, issue('agent_id', 'missing'));
    await api.db.database.query(
      `INSERT INTO runs (id, org_id, agent_id, session_id, instance_id)
       SELECT gen_random_uuid(), org_id, agent_id, id, gen_random_uuid() FROM chat_sessions WHERE conversation_id = $1`,
      [id],
    );
    await refused(call('POST', `/${id}/attach-agent`, { agent_id: other }), 409);
    await refused(say(id, 'x'), 409);
    await refused(call('POST', `/${id}/archive`), 409);
  });
});

describe('GET /conversations/:id/search', () => {
  let id: string;
  const found = async (query: string, more = ''): Promise<string[]> => {
    const { body } = await call('GET', `/${id}/search?q=${encodeURIComponent(query)}${more}`);
    return (body as { results: { matches: { content: string }[] } }).results.matches.map(({ content }) => content);
  };
  const SAID = [
    'Please select the blue option and update my profile',
    "Robert'); DROP TABLE students;--",
    'A discount of 100% would be nice',
    'I ate 100 apples',
    'the file is called snake_case.txt',
    'the file is called snakeXcase',
    'Größe und Straße, 東京',
    'refund, please: the refund policy',
  ];

  beforeAll(async () => {
    id = await begin();
    for (const content of SAID) await say(id, content);
  });

  it('answers as documented, the best first', async () => {
    const { status, body } = await call('GET', `/${id}/search?query=refund policy&limit=3`);
    expect([status, body]).toEqual([
      200,
      {
        results: {
          matches: [{ content: SAID[7], score: expect.any(Number), timestamp: iso }],
          query: 'refund policy',
          total_matches: 1,
        },
      },
    ]);
    const posted = await call('POST', `/${id}/search`, { query: 'refund policy' });
    expect([posted.status, posted.body]).toEqual([200, body]);
  });

  it.each([
    ['select', [0]],
    ['update', [0]],
    ['DROP TABLE', [1]],
    ["'); DROP TABLE students;--", [1]],
    ['--', [1]],
    ['100%', [2]],
    ['%', [2]],
    ['100', [2, 3]],
    ['snake_case', [4]],
    ['_', [4]],
    ['größe', [6]],
    ['東京', [6]],
    ['refu', [7]],
    ['nothing of the sort', []],
    ['& | ! <-> :*', []],
    ['\\', []],
  ])('takes %s as it stands', async (query, expected) => {
    expect((await found(query)).sort()).toEqual(expected.map((index) => SAID[index]).sort());
  });

  it('keeps to its limit and its conversation', async () => {
    expect(await found('the', '&limit=1')).toHaveLength(1);
    const another = await begin();
    const { body } = await call('GET', `/${another}/search?q=refund`);
    expect(body).toMatchObject({ results: { matches: [], total_matches: 0 } });
  });

  it.each([
    ['nothing', '', 'query', 'missing'],
    ['blanks', '?q=%20', 'query', 'missing'],
    ['control characters', '?q=a%00b', 'query', 'value_error'],
    ['a long text', `?q=${'x'.repeat(201)}`, 'q', 'string_too_long'],
    ['a limit of 51', '?q=x&limit=51', 'limit', 'less_than_equal'],
  ])('refuses %s', async (_what, query, field, type) => {
    await refused(call('GET', `/${id}/search${query}`), 422, issue(field, type, 'query'));
  });
});

describe('GET /conversations/:id/context', () => {
  it('shows a short conversation whole', async () => {
    const id = await begin({ metadata: { plan: 'pro' } });
    await say(id, 'Hello');
    await say(id, 'Hi there', 'assistant');
    const { status, body } = await call('GET', `/${id}/context`);
    expect([status, body]).toEqual([
      200,
      {
        conversation_id: id,
        agent_id: agent,
        messages: [
          { role: 'user', content: 'Hello' },
          { role: 'assistant', content: 'Hi there' },
        ],
        total_messages: 2,
        metadata: { plan: 'pro' },
        tokens: expect.any(Number),
        max_tokens: 8_000,
        omitted_messages: 0,
        summary: 'none',
      },
    ]);
  });

  it('keeps to the newest within a limit or a number of tokens, and asks for a summary of the rest', async () => {
    const id = await begin();
    for (let nr = 0; nr < 6; nr += 1) await say(id, `${nr} ${'word '.repeat(60)}`);
    const limited = (await call('GET', `/${id}/context?limit=2`)).body as Body;
    expect(limited).toMatchObject({ total_messages: 6, omitted_messages: 4, summary: 'pending' });
    expect((limited.messages as { content: string }[]).map(({ content }) => content[0])).toEqual(['4', '5']);
    const small = (await call('GET', `/${id}/context?max_tokens=200`)).body as Body;
    expect(small.tokens).toBeLessThanOrEqual(200);
    expect(small.messages).toHaveLength(2);
    const jobs = (): Promise<unknown[]> =>
      api.db.database.query(`SELECT 1 FROM chat_sessions WHERE conversation_id = $1 AND summary IS NOT NULL`, [id]);
    expect(await jobs()).toEqual([]);
    await api.db.database.query(
      `UPDATE chat_sessions SET summary = 'They counted.', summary_upto = (SELECT max(id) FROM messages) WHERE conversation_id = $1`,
      [id],
    );
    const whole = (await call('GET', `/${id}/context?limit=2`)).body as Body;
    expect(whole).toMatchObject({ omitted_messages: 4, summary: 'ready' });
    expect((whole.messages as object[])[0]).toEqual({
      role: 'system',
      content: 'Summary of the earlier conversation:\nThey counted.',
    });
    await eventually(async () => (await jobs()).length === 1);
  });

  it.each(['?limit=0', '?limit=1001', '?max_tokens=1', '?limit=x'])('refuses %s', async (query) => {
    await refused(call('GET', `/${await begin()}/context${query}`), 422, expect.any(Array));
  });
});
