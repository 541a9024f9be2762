import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const text = expect.any(String);

let api: ApiFixture;
let org: ApiOrganisation;
let token: string;
const agent = newId();
let conversation: string;
let swarm: string;

const call = (method: string, path: string, body?: unknown) =>
  api.request(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
  token = await ownerToken(api, org);
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status) VALUES ($1, $2, 'Ada', 'eu', 'x', 'stopped')`,
    [agent, org.orgId],
  );
  const made = async (path: string, body: object): Promise<string> =>
    ((await call('POST', path, body)).body as { id: string }).id;
  conversation = await made('/conversations', { agent_id: agent });
  swarm = await made('/swarms', { name: 'S', strategy: 'parallel' });
}, 60_000);
afterAll(() => api?.close());

/** What the suites of the routes do not try. */
it.each([
  ['GET', '/agents/{agent}/heartbeats?limit=10000', 'limit'],
  ['GET', '/agents/{agent}/personality/context/task?task_description={long}', 'task_description'],
  ['POST', '/agents/{agent}/personality/context/task', 'task_description', { task_description: 5 }],
  ['PATCH', '/agents/{agent}/settings', 'name', { name: '' }],
  ['GET', '/api-keys/nobody/verify', 'service'],
  ['GET', '/settings/api-keys?workspace_id=none', 'workspace_id'],
  ['GET', '/swarm/alerts?limit=10000', 'limit'],
  ['GET', '/swarms/{swarm}/runs?limit=10000', 'limit'],
  ['POST', '/conversations/{conversation}/search', 'query', {}],
  ['DELETE', '/skills/mapshaper/install?timeout=10000', 'timeout'],
  ['PUT', '/team/members/{agent}/role', 'role', { role: 'KING' }],
] as const)('%s %s is 422 and says where', async (method, path, field, body: object | undefined = undefined) => {
  const values: Record<string, string> = { agent, conversation, swarm, long: 'x'.repeat(10_001) };
  const answer = await call(
    method,
    path.replace(/\{(\w+)\}/g, (_all, name: string) => values[name]!),
    body,
  );
  expect([answer.status, answer.body]).toEqual([
    422,
    {
      detail: expect.arrayContaining([{ loc: expect.arrayContaining([field]), msg: text, type: text }]),
      request_id: text,
    },
  ]);
});
