import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const TYPES = ['soul', 'agents', 'tools', 'identity', 'user', 'bootstrap', 'heartbeat', 'memory'];
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.any(String);

let api: ApiFixture;
let org: ApiOrganisation;
let token: string;

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
  token = await ownerToken(api, org);
}, 60_000);
afterAll(() => api.close());

async function insertAgent(createdBy: string | null = null): Promise<string> {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, created_by, name, region, image, status, persona)
     VALUES ($1, $2, $3, 'Ada', 'eu', 'x', 'stopped', 'A dry wit.')`,
    [id, org.orgId, createdBy],
  );
  return id;
}

const call = (method: string, id: string, path = '', body?: unknown, as = token): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/agents/${id}/personality${path}`, {
    token: as,
    ...(body === undefined ? {} : { body }),
  });

async function refused(answer: Promise<ApiAnswer>, status: number, detail: unknown = text): Promise<void> {
  const { status: given, body } = await answer;
  expect([given, body]).toEqual([status, { detail, request_id: uuid }]);
}
const issue = (field: string, type: string): unknown =>
  expect.arrayContaining([{ loc: ['body', field], msg: text, type }]);

const filesOf = async (id: string): Promise<Record<string, { content: string } | null>> =>
  ((await call('GET', id)).body as { files: Record<string, { content: string } | null> }).files;
const contextOf = async (id: string, path: string): Promise<string> =>
  ((await call('GET', id, `/context/${path}`)).body as { context: string }).context;

/** Someone else of the organisation. */
async function colleague(role: string): Promise<{ token: string; userId: string }> {
  const userId = newId();
  const { database } = api.db;
  await database.query(`INSERT INTO users (id, email, full_name) VALUES ($1, $2, 'C')`, [userId, `${userId}@x.test`]);
  await database.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [
    org.orgId,
    userId,
    role,
  ]);
  return { userId, token: await ownerToken(api, { ...org, userId }) };
}

describe('GET /agents/{id}/personality', () => {
  it('names the eight files, and what is missing', async () => {
    const id = await insertAgent();
    const { status, body } = await call('GET', id);
    const none = Object.fromEntries(TYPES.map((type) => [type, null]));
    expect([status, body]).toEqual([200, { agent_id: id, files: none, missing_files: TYPES }]);
  });

  it('knows no unknown agent, and keeps those of others apart', async () => {
    const stranger = await ownerToken(api, await api.organisation());
    const id = await insertAgent();
    await refused(call('GET', newId()), 404, 'Agent not found');
    await refused(call('GET', 'nope'), 404);
    await refused(call('GET', id, '', undefined, stranger), 403);
    await refused(call('PUT', id, '/soul', { content: 'x' }, stranger), 403);
    await refused(api.request('GET', `/api/v1/agents/${id}/personality`), 401);
    expect((await filesOf(id)).soul).toBeNull();
  });
});

describe('POST /agents/{id}/personality/initialize', () => {
  it('writes all eight from templates that know name, model and persona', async () => {
    const id = await insertAgent();
    const body = { agent_name: '<b>Grace</b>', model: 'gpt-5', persona: 'Loves <i>puns</i> & a < b.' };
    const { status, body: answer } = await call('POST', id, '/initialize', body);
    const { files, missing_files: missing } = answer as { files: Record<string, object>; missing_files: string[] };
    expect([status, missing, Object.keys(files)]).toEqual([200, [], TYPES]);
    expect(files.identity).toEqual({
      name: 'IDENTITY.md',
      file_type: 'identity',
      content: expect.stringMatching(/Grace[^]*gpt-5[^]*Loves puns & a < b\./),
      last_modified: expect.any(Number),
    });
    expect(JSON.stringify(files)).not.toContain('<b>');
  });

  it('takes model and persona from the agent when none are given', async () => {
    const id = await insertAgent();
    await call('POST', id, '/initialize', { agent_name: 'Ada' });
    expect((await filesOf(id)).identity?.content).toMatch(/claude[^]*A dry wit\./);
  });

  it('leaves what somebody wrote, unless told otherwise', async () => {
    const id = await insertAgent();
    await call('PUT', id, '/soul', { content: 'mine' });
    await call('POST', id, '/initialize', { agent_name: 'Ada' });
    expect((await filesOf(id)).soul?.content).toBe('mine');
    await call('POST', id, '/initialize', { agent_name: 'Ada', force: true });
    expect((await filesOf(id)).soul?.content).toContain('You are Ada');
  });

  it.each([
    ['no name', {}, 'agent_name', 'missing'],
    ['a name of tags alone', { agent_name: '<b></b>' }, 'agent_name', 'string_too_short'],
    ['a long name', { agent_name: 'x'.repeat(256) }, 'agent_name', 'string_too_long'],
    ['a long persona', { agent_name: 'A', persona: 'x'.repeat(5_001) }, 'persona', 'string_too_long'],
    ['a force that is a text', { agent_name: 'A', force: 'yes' }, 'force', 'bool_type'],
  ])('refuses %s', async (_what, body, field, type) => {
    const id = await insertAgent();
    await refused(call('POST', id, '/initialize', body), 422, issue(field, type));
    expect((await filesOf(id)).soul).toBeNull();
  });
});

describe('contexts', () => {
  it('join the files with headings', async () => {
    const id = await insertAgent();
    await call('PUT', id, '/identity', { content: 'I am Ada' });
    await call('PUT', id, '/soul', { content: '# Soul\n\nKind.\n\n## Core ethics\n\nNo harm.\n\n## Style\n\nShort.' });
    await call('PUT', id, '/bootstrap', { content: 'only at first' });
    const { status, body } = await call('GET', id, '/context/system');
    const context = '# Soul\n\nKind.\n\n## Core ethics\n\nNo harm.\n\n## Style\n\nShort.\n\n# Identity\n\nI am Ada';
    expect([status, body]).toEqual([200, { context_type: 'system', context }]);
    expect((await call('GET', id, '/context/task')).body).toEqual({ context_type: 'task', context });
    const withTask = { context_type: 'task', context: `${context}\n\n# Current task\n\nShip it & a < b` };
    expect((await call('GET', id, '/context/task?task_description=Ship%20it%20%26%20a%20%3C%20b')).body).toEqual(
      withTask,
    );
    expect((await call('POST', id, '/context/task', { task_description: 'Ship it & a < b' })).body).toEqual(withTask);
    expect((await call('GET', id, '/context/minimal')).body).toEqual({
      context_type: 'minimal',
      context: 'I am Ada\n\n## Core ethics\n\nNo harm.',
    });
  });

  it('say something sensible without any file', async () => {
    const id = await insertAgent();
    for (const path of ['system', 'task', 'minimal']) expect(await contextOf(id, path)).toContain('helpful AI agent');
  });

  it.each(['system', 'task', 'minimal'])('know no unknown agent: %s', async (path) => {
    await refused(call('GET', newId(), `/context/${path}`), 404);
  });
});

describe('/agents/{id}/personality/{file_type}', () => {
  it('is written, read and removed', async () => {
    const id = await insertAgent();
    const file = { name: 'USER.md', file_type: 'user', content: '# <Ann> & co', last_modified: expect.any(Number) };
    const put = await call('PUT', id, '/user', { content: '# <Ann> & co' });
    expect([put.status, put.body]).toEqual([200, file]);
    expect((await call('GET', id, '/user')).body).toEqual(put.body);
    const removed = await call('DELETE', id, '/user');
    expect([removed.status, removed.body]).toEqual([204, undefined]);
    await refused(call('GET', id, '/user'), 404, 'USER.md not found');
    await refused(call('DELETE', id, '/user'), 404);
  });

  it('knows eight types', async () => {
    const id = await insertAgent();
    for (const type of ['workflow', 'SOUL', 'soul.md', '..%2Fsoul']) {
      await refused(call('GET', id, `/${type}`), 400);
      await refused(call('PUT', id, `/${type}`, { content: 'x' }), 400);
      await refused(call('DELETE', id, `/${type}`), 400);
    }
  });

  it.each([
    ['nothing', {}, 'missing'],
    ['an empty text', { content: '' }, 'string_too_short'],
    ['a number', { content: 7 }, 'string_type'],
    ['more than an agent reads', { content: 'x'.repeat(65_537) }, 'invalid'],
    ['a binary file', { content: 'a\u0000b' }, 'invalid'],
  ])('refuses %s', async (_what, body, type) => {
    const id = await insertAgent();
    await refused(call('PUT', id, '/soul', body), 422, issue('content', type));
    expect((await filesOf(id)).soul).toBeNull();
  });

  it('goes with all the others', async () => {
    const id = await insertAgent();
    await call('POST', id, '/initialize', { agent_name: 'Ada' });
    expect((await call('DELETE', id)).status).toBe(204);
    expect(Object.values(await filesOf(id)).filter(Boolean)).toEqual([]);
  });
});

describe('who may write', () => {
  it('is who made the agent, and admins', async () => {
    const [member, other, admin, viewer] = [
      await colleague('MEMBER'),
      await colleague('MEMBER'),
      await colleague('ADMIN'),
      await colleague('VIEWER'),
    ];
    const id = await insertAgent(member.userId);
    const write = (as: string): Promise<ApiAnswer> => call('PUT', id, '/soul', { content: 'x' }, as);
    await refused(write(other.token), 403);
    await refused(write(viewer.token), 403);
    await refused(call('POST', id, '/initialize', { agent_name: 'A' }, other.token), 403);
    await refused(call('DELETE', id, '', undefined, other.token), 403);
    expect((await filesOf(id)).soul).toBeNull();
    expect((await write(member.token)).status).toBe(200);
    expect((await write(admin.token)).status).toBe(200);
    expect((await call('GET', id, '/soul', undefined, viewer.token)).status).toBe(200);
  });
});
