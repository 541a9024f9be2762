import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Notices } from '#libs/events';
import { SessionsService } from '#libs/identity';
import { type Role, newId } from '#libs/kernel';
import { silentLogger } from '#libs/observability';
import { eventually, testOrganisation } from '#libs/testing';
import jwt from 'jsonwebtoken';
import { createApi } from '../../../api.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

interface Issued {
  readonly jti: string;
  readonly jti_masked: string;
  readonly expires_at: number;
  readonly token: string;
}
interface Listed {
  readonly tokens: readonly Readonly<Record<string, unknown>>[];
  readonly total: number;
}

const TOKENS = '/api/v1/security/tokens';
const WISH = { peer_id: '12D3KooWPeer', capabilities: ['agents:read'], max_gpu_minutes: 60, max_concurrent_tasks: 3 };
/** Less than what a cache may keep: whoever is refused within it was told. */
const SOON = { timeoutMs: 3_500 };

let api: ApiFixture;
let replica: NestFastifyApplication;
let organisation: ApiOrganisation;
let owner: string;

beforeAll(async () => {
  api = await startApi();
  replica = await createApi(api.config, silentLogger());
  await replica.listen(0, '127.0.0.1');
  organisation = await api.organisation();
  owner = await tokenOf(organisation);
}, 60_000);
afterAll(async () => {
  replica?.getHttpServer().closeAllConnections();
  await replica?.close();
  await api?.close();
});

const sql = <Row>(text: string, values: unknown[]) => api.db.database.query<Row>(text, values);
const tokenOf = async ({ orgId, userId }: { orgId: string; userId: string }): Promise<string> => {
  const sessions = api.app.get(SessionsService, { strict: false });
  const holder = { orgId, userId, email: `${userId}@example.test` };
  return (await api.db.database.transaction((tx) => sessions.open(tx, holder))).accessToken;
};
const call = (method: string, path: string, body?: unknown, token = owner): Promise<ApiAnswer> =>
  api.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const issue = async (changes: object = {}, token = owner): Promise<Issued> => {
  const { status, body } = await call('POST', TOKENS, { ...WISH, ...changes }, token);
  expect([status, body]).toEqual([201, expect.anything()]);
  return body as Issued;
};
const list = async (query = '', token = owner): Promise<Listed> =>
  (await call('GET', `${TOKENS}${query}`, undefined, token)).body as Listed;
const statusOn = async (base: string, token: string, path = '/v1/agents'): Promise<number> =>
  (await fetch(base + path, { headers: { authorization: `Bearer ${token}` } })).status;
const here = (token: string, path?: string) => statusOn(api.url, token, path);
const there = async (token: string, path?: string) => statusOn(await replica.getUrl(), token, path);
const refusal = (answer: ApiAnswer) => [answer.status, (answer.body as { detail: unknown }).detail];
const addAgent = async (swarmId: string | null = null): Promise<string> => {
  const id = newId();
  await sql(`INSERT INTO agents (id, org_id, swarm_id, name, region, image) VALUES ($1, $2, $3, 'A', 'eu', 'x')`, [
    id,
    organisation.orgId,
    swarmId,
  ]);
  return id;
};
const addSwarm = async (): Promise<string> => {
  const id = newId();
  await sql('INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, $3, $4)', [id, organisation.orgId, 'S', id]);
  return id;
};

describe('POST /security/tokens', () => {
  it('issues a token, shown once, with every field of the document', async () => {
    const agent = await addAgent();
    const before = Math.floor(Date.now() / 1_000);
    const issued = await issue({ data_scope: [agent] });
    expect(issued).toEqual({
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      jti_masked: `${issued.jti.slice(0, 8)}...${issued.jti.slice(-4)}`,
      peer_id: WISH.peer_id,
      capabilities: WISH.capabilities,
      expires_at: expect.any(Number),
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(issued.expires_at - before).toBeGreaterThanOrEqual(3_599);
    expect(issued.expires_at - before).toBeLessThan(3_700);
    expect(jwt.verify(issued.token, api.config.security.jwtSecret, { algorithms: ['HS256'] })).toEqual({
      sub: WISH.peer_id,
      type: 'capability',
      workspace_id: organisation.orgId,
      jti: issued.jti,
      parent_jti: null,
      capabilities: WISH.capabilities,
      limits: { max_gpu_minutes: 60, max_concurrent_tasks: 3 },
      data_scope: [agent],
      iat: expect.any(Number),
      exp: issued.expires_at,
    });
    const rows = await sql('SELECT to_jsonb(t)::text AS line FROM capability_tokens t WHERE jti = $1', [issued.jti]);
    expect(JSON.stringify(rows)).not.toContain(issued.token.split('.')[2]);
  });

  it.each([
    ['no peer', { peer_id: '  ' }, 'peer_id'],
    ['no capability', { capabilities: [] }, 'capabilities'],
    ['a capability that is no text', { capabilities: [7] }, 'capabilities'],
    ['negative GPU minutes', { max_gpu_minutes: -1 }, 'max_gpu_minutes'],
    ['a broken number of tasks', { max_concurrent_tasks: 1.5 }, 'max_concurrent_tasks'],
    ['a data scope that is no id', { data_scope: ['agent-1'] }, 'data_scope'],
    ['less than a minute', { expires_in_seconds: 59 }, 'expires_in_seconds'],
    ['more than a year', { expires_in_seconds: 31_536_001 }, 'expires_in_seconds'],
    ['an unknown capability', { capabilities: ['agents:read', 'admin'] }, 'capabilities'],
    ['all capabilities at once', { capabilities: ['*'] }, 'capabilities'],
    ['a data scope that is nobody’s', { data_scope: [newId()] }, 'data_scope'],
  ])('refuses %s and keeps nothing', async (_what, changes, field) => {
    const before = await list();
    const answer = await call('POST', TOKENS, { ...WISH, ...changes });
    const { detail } = answer.body as { detail: { loc: unknown[] }[] };
    expect([answer.status, detail[0]?.loc.slice(0, 2)]).toEqual([422, ['body', field]]);
    expect((await list()).total).toBe(before.total);
  });

  it('names every field that is missing', async () => {
    const { status, body } = await call('POST', TOKENS, {});
    const missing = (body as { detail: { loc: string[] }[] }).detail.map(({ loc }) => loc[1]);
    expect([status, missing]).toEqual([422, ['peer_id', 'capabilities', 'max_gpu_minutes', 'max_concurrent_tasks']]);
  });

  it('takes the limits themselves: no GPU, no task, a minute', async () => {
    const { jti } = await issue({ max_gpu_minutes: 0, max_concurrent_tasks: 0, expires_in_seconds: 60 });
    expect(jti).toBeDefined();
  });

  it('takes no agent of another workspace into the data scope', async () => {
    const other = await tokenOf(await api.organisation());
    const answer = await call('POST', TOKENS, { ...WISH, data_scope: [await addAgent()] }, other);
    expect(answer.status).toBe(422);
  });

  it.each(['MEMBER', 'VIEWER'] as Role[])('is not for a %s, nor are the other routes', async (role) => {
    const member = await testOrganisation(api.db.database, { orgId: organisation.orgId, role });
    const token = await tokenOf(member);
    const { jti } = await issue();
    for (const [method, path] of [
      ['POST', TOKENS],
      ['GET', TOKENS],
      ['POST', `${TOKENS}/${jti}/rotate`],
      ['DELETE', `${TOKENS}/${jti}`],
    ] as const) {
      const answer = await call(method, path, method === 'GET' ? undefined : WISH, token);
      expect([method, ...refusal(answer)]).toEqual([method, 403, 'This route needs the role ADMIN']);
    }
    expect(await here((await issue()).token)).toBe(200);
  });

  it('is for users: a key and a token make no token', async () => {
    const { token } = await issue({ capabilities: ['agents:read', 'agents:write'] });
    expect((await api.request('POST', TOKENS, { apiKey: organisation.apiKey, body: WISH })).status).toBe(403);
    expect((await call('POST', TOKENS, WISH, token)).status).toBe(403);
  });
});

describe('GET /security/tokens', () => {
  it('lists what was not revoked, masked, newest first, by peer and expiry', async () => {
    const peer = `peer-${newId()}`;
    const first = await issue({ peer_id: peer, expires_in_seconds: 60 });
    const second = await issue({ peer_id: peer, capabilities: ['can_execute:llama-2-7b', 'chat'] });
    const gone = await issue({ peer_id: peer });
    await call('DELETE', `${TOKENS}/${gone.jti}`);
    await sql(`UPDATE capability_tokens SET expires_at = now() - interval '1 hour' WHERE jti = $1`, [first.jti]);
    const all = await list(`?peer_id=${peer}`);
    expect(all).toEqual({
      tokens: [
        {
          jti: null,
          jti_masked: second.jti_masked,
          peer_id: peer,
          capabilities: ['can_execute:llama-2-7b', 'chat'],
          max_gpu_minutes: 60,
          max_concurrent_tasks: 3,
          data_scope: [],
          expires_at: second.expires_at,
          is_expired: false,
          expires_in_seconds: expect.any(Number),
          parent_jti: null,
        },
        expect.objectContaining({ jti_masked: first.jti_masked, is_expired: true, expires_in_seconds: 0 }),
      ],
      total: 2,
    });
    expect(await list(`?peer_id=${peer}&expired=true`)).toMatchObject({
      tokens: [{ jti_masked: first.jti_masked }],
      total: 1,
    });
    expect(await list(`?peer_id=${peer}&expired=false`)).toMatchObject({
      tokens: [{ jti_masked: second.jti_masked }],
      total: 1,
    });
    expect(await list(`?peer_id=${peer}&limit=1&offset=1`)).toMatchObject({ tokens: [expect.anything()], total: 2 });
    expect(JSON.stringify(await list())).not.toContain(second.jti);
    expect((await list('', await tokenOf(await api.organisation()))).total).toBe(0);
  });

  it.each(['expired=maybe', 'limit=0', 'limit=1001', 'offset=-1'])('refuses ?%s', async (query) => {
    expect((await call('GET', `${TOKENS}?${query}`)).status).toBe(422);
  });
});

describe('POST /security/tokens/{jti}/rotate', () => {
  it('gives a successor, and lets the old token work for five more minutes', async () => {
    const agent = await addAgent();
    const old = await issue({ data_scope: [agent], expires_in_seconds: 120 });
    const answer = await call('POST', `${TOKENS}/${old.jti}/rotate?extends_by=600`);
    const next = answer.body as Issued;
    expect([answer.status, next]).toEqual([
      200,
      {
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        jti_masked: expect.any(String),
        peer_id: WISH.peer_id,
        capabilities: WISH.capabilities,
        max_gpu_minutes: 60,
        max_concurrent_tasks: 3,
        data_scope: [agent],
        expires_at: old.expires_at + 600,
        is_expired: false,
        expires_in_seconds: expect.any(Number),
        parent_jti: old.jti,
        token: expect.any(String),
      },
    ]);
    for (const token of [old.token, next.token]) expect([await here(token), await there(token)]).toEqual([200, 200]);
    const [row] = await sql<{ grace: number }>(
      `SELECT extract(epoch FROM grace_until - now())::int AS grace FROM capability_tokens WHERE jti = $1`,
      [old.jti],
    );
    expect(row!.grace).toBeGreaterThan(280);
    expect(row!.grace).toBeLessThanOrEqual(300);
  });

  it('gives the old lifetime anew without extends_by, and takes the masked id of lists', async () => {
    const old = await issue({ expires_in_seconds: 7_200 });
    const { status, body } = await call('POST', `${TOKENS}/${old.jti_masked}/rotate`);
    expect(status).toBe(200);
    expect(Math.abs((body as Issued).expires_at - old.expires_at)).toBeLessThan(60);
  });

  it('refuses what is expired, revoked or rotated with 400, and what is not there with 404', async () => {
    const [expired, revoked, rotated] = [await issue(), await issue(), await issue()];
    await sql(`UPDATE capability_tokens SET expires_at = now() WHERE jti = $1`, [expired.jti]);
    await call('DELETE', `${TOKENS}/${revoked.jti}`);
    await call('POST', `${TOKENS}/${rotated.jti}/rotate`);
    const rotate = (jti: string, token = owner) => call('POST', `${TOKENS}/${jti}/rotate`, undefined, token);
    for (const [jti, why] of [
      [expired.jti, 'expired'],
      [revoked.jti, 'revoked'],
      [rotated.jti, 'rotated'],
    ] as const) {
      expect(refusal(await rotate(jti))).toEqual([400, `This token was ${why}; issue another one`]);
    }
    expect(refusal(await rotate(newId()))).toEqual([404, 'Token not found']);
    expect(refusal(await rotate('%27'))).toEqual([404, 'Token not found']);
    expect(refusal(await rotate(rotated.jti, await tokenOf(await api.organisation())))).toEqual([
      404,
      'Token not found',
    ]);
    for (const query of ['extends_by=59', 'extends_by=x']) {
      expect((await call('POST', `${TOKENS}/${(await issue()).jti}/rotate?${query}`)).status).toBe(422);
    }
  });

  it('ends the old token with its grace, whatever a replica remembers', async () => {
    const old = await issue();
    await call('POST', `${TOKENS}/${old.jti}/rotate`);
    await sql(`UPDATE capability_tokens SET grace_until = clock_timestamp() + interval '1500 ms' WHERE jti = $1`, [
      old.jti,
    ]);
    api.app.get(Notices, { strict: false }).notify('credential', `token:${old.jti}`);
    await eventually(async () => (await there(old.token)) === 401 && (await here(old.token)) === 401, SOON);
    expect(refusal(await call('POST', `${TOKENS}/${old.jti}/rotate`))[0]).toBe(400);
  });
});

describe('DELETE /security/tokens/{jti}', () => {
  it('ends a token at once on every replica; again it is not there', async () => {
    const { jti, token } = await issue();
    expect([await here(token), await there(token)]).toEqual([200, 200]);
    const answer = await call('DELETE', `${TOKENS}/${jti}`);
    expect([answer.status, answer.body, await here(token)]).toEqual([204, undefined, 401]);
    await eventually(async () => (await there(token)) === 401, SOON);
    expect(refusal(await call('DELETE', `${TOKENS}/${jti}`))).toEqual([404, 'Token not found']);
  });

  it('does not reach another workspace’s', async () => {
    const { jti, token } = await issue();
    const other = await tokenOf(await api.organisation());
    expect((await call('DELETE', `${TOKENS}/${jti}`, undefined, other)).status).toBe(404);
    expect(await here(token)).toBe(200);
  });
});

describe('the bearer of a capability token', () => {
  it('may call what its scopes allow, and nothing that is for users', async () => {
    const { token } = await issue();
    expect(await here(token)).toBe(200);
    const create = await call('POST', '/v1/agents', { name: 'A' }, token);
    expect([create.status, create.body]).toEqual([403, { error: expect.objectContaining({ code: 'forbidden' }) }]);
    for (const path of ['/api/v1/auth/me', '/api/v1/auth/api-keys', '/api/v1/security/audit-logs', '/v1/account']) {
      expect([path, await here(token, path)]).toEqual([path, 403]);
    }
    const bare = await issue({ capabilities: ['can_execute:llama-2-7b'] });
    expect(await here(bare.token)).toBe(403);
  });

  it('is nobody with a token that is expired, changed, signed otherwise or of another kind', async () => {
    const { token, jti } = await issue();
    const [head, , signature] = token.split('.') as [string, string, string];
    const claims = { ...(jwt.decode(token) as object), capabilities: ['agents:write'] };
    const changed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const secret = api.config.security.jwtSecret;
    const now = Math.floor(Date.now() / 1_000);
    const signed = (changes: object, key = secret) => jwt.sign({ ...claims, ...changes }, key, { algorithm: 'HS256' });
    const wrong = [
      changed,
      signed({ exp: now - 1 }),
      signed({}, 'another-secret-for-tests-0123456789abcdef'),
      signed({ type: 'access' }),
      signed({ jti: newId() }),
    ];
    for (const bad of wrong) expect(await here(bad)).toBe(401);
    expect(await here(token)).toBe(200);
    await sql('UPDATE capability_tokens SET expires_at = now() WHERE jti = $1', [jti]);
    api.app.get(Notices, { strict: false }).notify('credential', `token:${jti}`);
    expect(await here(token)).toBe(401);
  });

  it('reaches the agents and swarms of its data scope and no other', async () => {
    const [swarm, otherSwarm] = [await addSwarm(), await addSwarm()];
    const [mine, member, foreign] = [await addAgent(), await addAgent(swarm), await addAgent(otherSwarm)];
    const scopes = ['agents:read', 'agents:write', 'swarms:read', 'swarms:write', 'skills'];
    const { token } = await issue({ capabilities: scopes, data_scope: [mine, swarm.toUpperCase()] });
    for (const path of [
      `/v1/agents/${mine}`,
      `/v1/agents/${member}`,
      `/v1/agents/${mine.toUpperCase()}`,
      `/v1/swarms/${swarm}`,
    ]) {
      expect([path, await here(token, path)]).toEqual([path, 200]);
    }
    const refused = [
      `/v1/agents/${foreign}`,
      `/v1/agents/${newId()}`,
      '/v1/agents/x',
      `/v1/swarms/${otherSwarm}`,
      '/v1/swarms',
      '/v1/usage',
      '/v1/skills',
    ];
    for (const path of refused) expect([path, await here(token, path)]).toEqual([path, 403]);
    const listed = await call('GET', '/v1/agents', undefined, token);
    const ids = (listed.body as { data: { id: string }[] }).data.map(({ id }) => id);
    expect(ids.sort()).toEqual([mine, member].sort());
    const moved = await call('PATCH', `/v1/agents/${mine}`, { swarmId: otherSwarm }, token);
    const taken = await call('PUT', `/v1/swarms/${swarm}/agents/${foreign}`, undefined, token);
    const made = await call('POST', '/v1/agents', { name: 'A', config: { llmProvider: 'demo' } }, token);
    expect([moved.status, taken.status, made.status]).toEqual([403, 403, 403]);
    const renamed = await call('PATCH', `/v1/swarms/${swarm}`, { name: 'Mine' }, token);
    const filled = await call('POST', `/api/v1/swarms/${swarm}/agents`, { agent_ids: [foreign] }, token);
    expect([renamed.status, filled.status]).toEqual([403, 403]);
    const [row] = await sql<{ swarm_id: string | null }>('SELECT swarm_id FROM agents WHERE id = $1', [mine]);
    expect(row!.swarm_id).toBeNull();
  });

  it('holds no more than its maker does at present, and nothing once the maker is gone', async () => {
    const admin = await testOrganisation(api.db.database, { orgId: organisation.orgId, role: 'ADMIN' });
    const { token } = await issue({ capabilities: ['agents:read', 'agents:write'] }, await tokenOf(admin));
    const id = newId();
    expect((await call('DELETE', `/v1/agents/${id}`, undefined, token)).status).toBe(404);
    const notices = api.app.get(Notices, { strict: false });
    await sql(`UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1`, [admin.userId]);
    notices.notify('credential', `user:${admin.userId}`);
    expect([(await call('DELETE', `/v1/agents/${id}`, undefined, token)).status, await here(token)]).toEqual([
      403, 200,
    ]);
    await sql('DELETE FROM memberships WHERE user_id = $1', [admin.userId]);
    notices.notify('credential', `user:${admin.userId}`);
    expect(await here(token)).toBe(401);
  });

  it('stands in the audit log under its own name', async () => {
    const peer = `peer-${newId()}`;
    const { token, jti } = await issue({ peer_id: peer });
    await here(token);
    await call('DELETE', `/v1/agents/${newId()}`, undefined, token);
    const read = async () => {
      const { body } = await call('GET', `/api/v1/security/audit-logs?peer_id=${peer}`);
      return (body as { events: { peer_id: string; event_type: string; resource: string }[] }).events;
    };
    await eventually(async () => (await read()).length === 2);
    expect((await read()).map(({ peer_id, event_type, resource }) => [peer_id, event_type, resource])).toEqual([
      [peer, 'AUTHORIZATION_FAILURE', 'route:DELETE /v1/agents/:id'],
      [peer, 'AUTHENTICATION_SUCCESS', `token:${jti}`],
    ]);
    const { body } = await call('GET', '/api/v1/security/audit-logs?event_type=TOKEN_ISSUED&limit=1');
    expect((body as { events: unknown[] }).events).toEqual([
      expect.objectContaining({
        action: 'token.issue',
        resource: `token:${jti}`,
        peer_id: `user:${organisation.userId}`,
        metadata: { peer_id: peer, capabilities: 'agents:read' },
      }),
    ]);
  });
});
