import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCOPES, type ScopeName } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiRequestOptions, startApi } from '../../testing/api-fixture.js';
import { HttpEdge } from '../edge.js';
import { type RoutePolicy, isOpen, policyOf, policyProblems } from '../policy.js';
import { POLICY_TABLE } from '../policy.table.js';
import { SurfaceRegistry } from '../surface-registry.js';
import { namesThing } from './isolation.js';
import {
  type Ids,
  NOBODYS_IDS,
  type World,
  digestOf,
  makeWorld,
  nameIn,
  ownerToken,
  pathOfTemplate,
  requestOf,
} from './walk-world.js';

interface Route {
  readonly method: string;
  readonly path: string;
}

/** The error body of each surface, as its clients read it. */
const FORMS: Readonly<Record<string, (code: string) => object>> = {
  agento: (code) => ({ error: { code, message: expect.any(String) } }),
  agent402: () => ({ detail: expect.any(String), request_id: expect.any(String) }),
};
const CODES = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found' } as const;

/** What public pages answer to somebody who does not come with what they are for; 200 unless given. */
const UNASKED: Readonly<Record<string, number>> = {
  '/api/v1/auth/oidc/login': 404, // no provider here
  '/api/v1/auth/oidc/callback': 422,
};

const rows = Object.entries(POLICY_TABLE);
const guarded = rows.filter(([, policy]) => !isOpen(policy));
const naming = guarded.filter(([row]) => namesThing(row));
const nameless = guarded.filter(([row]) => !namesThing(row));
const open = rows.filter(([row, policy]) => policy.who.includes('public') && !row.endsWith('*'));
const selfGuarded = rows.filter(([, policy]) => policy.who.includes('self'));

/** What an operator's page or scrape may show without a credential: the doors themselves, and metrics to this machine. */
const DOORS = ['/admin/login', '/admin/logout', '/metrics', '/api/v1/metrics'];

let api: ApiFixture;
let surfaces: SurfaceRegistry;
let routes: readonly Route[];
let first: World;
let second: World;
const keys = new Map<ScopeName, string>();

beforeAll(async () => {
  api = await startApi();
  surfaces = api.app.get(SurfaceRegistry, { strict: false });
  routes = api.app.get(HttpEdge).registeredRoutes();
  first = await makeWorld(api);
  second = await makeWorld(api);
  // what can be added to a workspace only once is there already, so that the walk changes nothing by it
  await api.request('POST', '/api/v1/templates/seed', { apiKey: first.apiKey });
  for (const scope of SCOPES) keys.set(scope, await api.apiKey(first, [scope]));
}, 60_000);
afterAll(() => api?.close());

/** The registered routes a row answers for: with GET also HEAD, with ALL everything below. */
const routesOf = (policy: RoutePolicy): readonly Route[] =>
  routes.filter(({ method, path }) => policyOf(POLICY_TABLE, method, path) === policy);

const send = ({ method, path: template }: Route, ids: Ids, options: ApiRequestOptions = {}): Promise<ApiAnswer> => {
  const { path, body } = requestOf(method, template, ids);
  return api.request(method, path, { ...(body === undefined ? {} : { body }), ...options });
};

function expectRefusal(route: Route, answer: ApiAnswer, status: keyof typeof CODES): void {
  const surface = surfaces.find(route.path, policyOf(POLICY_TABLE, route.method, route.path)).name;
  const form = FORMS[surface];
  if (!form) throw new Error(`No error form for the surface ${surface}: add it to FORMS`);
  const shown = { route: `${route.method} ${route.path}`, status: answer.status, body: answer.body };
  const body = route.method === 'HEAD' ? undefined : form(CODES[status]);
  expect(shown).toEqual({ route: shown.route, status, body });
}

/** Runs `walk` and holds every row of the first organisation against what it was before. */
async function changesNothing(walk: () => Promise<void>): Promise<void> {
  const before = await digestOf(api, first);
  await walk();
  expect(await digestOf(api, first)).toEqual(before);
}

describe('the policy table', () => {
  it('has a row for every registered route, and a route for every row', () => {
    expect(policyProblems(POLICY_TABLE, routes)).toEqual([]);
    expect(routes.length).toBeGreaterThan(rows.length);
  });

  it('names a route without a row', () => {
    expect(policyProblems(POLICY_TABLE, [...routes, { method: 'POST', path: '/v1/forgotten' }])).toEqual([
      'route POST /v1/forgotten has no row in the policy table',
    ]);
  });

  it('has only parameters this walk can fill', () => {
    const templates = rows.map(([row]) => row.split(' ')[1] ?? '').filter((path) => !path.endsWith('*'));
    expect(templates.map((path) => pathOfTemplate(path, first)).filter((path) => path.includes(':'))).toEqual([]);
    expect(() => pathOfTemplate('/v1/agents/:id/dreams/:dreamId', first)).toThrow(
      'No value for /v1/agents/:id/dreams/:dreamId: add to PLACES',
    );
  });
});

describe('the digest of an organisation', () => {
  it.each([
    ['agents', `UPDATE agents SET name = name || '!' WHERE org_id = $1`],
    ['api_keys', `UPDATE api_keys SET revoked_at = now() WHERE org_id = $1 AND name = 'spare'`],
    ['users', `UPDATE users SET full_name = 'X' WHERE id IN (SELECT user_id FROM memberships WHERE org_id = $1)`],
    ['messages', `DELETE FROM messages WHERE org_id = $1`],
    [
      'agent_stats',
      `INSERT INTO agent_stats (agent_id, at, container_status) SELECT id, now(), 'x' FROM agents WHERE org_id = $1`,
    ],
  ])('sees a change of %s', async (table, change) => {
    const world = await makeWorld(api);
    await api.db.database.query(`UPDATE api_keys SET name = 'spare' WHERE org_id = $1`, [world.orgId]);
    const before = await digestOf(api, world);
    await api.db.database.query(change, [world.orgId]);
    const after = await digestOf(api, world);
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual([table]);
  });
});

describe('nobody', () => {
  it.each(guarded)('is refused: %s', async (_row, policy) => {
    await changesNothing(async () => {
      for (const route of routesOf(policy)) expectRefusal(route, await send(route, first), 401);
    });
  });

  it.each(open)('needs no credential, and a wrong one is not looked at: %s', async (_row, policy) => {
    for (const route of routesOf(policy)) {
      const [bare, wrong] = [await send(route, first), await send(route, first, { apiKey: 'wrong' })];
      expect([route, bare.status < 500, wrong.status]).toEqual([route, true, bare.status]);
      if (route.method === 'GET') expect([route, bare.status]).toEqual([route, UNASKED[route.path] ?? 200]);
    }
  });

  it.each(selfGuarded)('nor anybody with a credential of an API sees more than the door: %s', async (_row, policy) => {
    const { apiKey } = first;
    const token = await ownerToken(api, first);
    for (const route of routesOf(policy).filter(({ path }) => !DOORS.includes(path))) {
      const path = route.path.replace(/:\w+\??/g, 'x').replace('*', 'x');
      for (const credential of [{}, { apiKey }, { token }]) {
        const response = await api.open(route.method, path, credential);
        await response.body?.cancel();
        const shown = response.ok ? new URL(response.url).pathname : 'a refusal';
        expect([route, ['a refusal', '/admin/login'].includes(shown), shown]).toEqual([route, true, shown]);
      }
    }
  });
});

describe('the owner', () => {
  it.each(naming.filter(([row]) => row.startsWith('GET ')))('of the thing reads it: %s', async (row, policy) => {
    const credential = policy.who.includes('key') ? { apiKey: first.apiKey } : { token: await ownerToken(api, first) };
    const [method, template] = row.split(' ') as [string, string];
    const response = await api.open(method, requestOf(method, template, first).path, credential);
    await response.body?.cancel();
    expect(response.status).toBe(200);
  });

  it.each(naming)('of another organisation finds nothing and changes nothing: %s', async (_row, policy) => {
    const token = await ownerToken(api, second);
    const notMine = policy.foreign ?? 404;
    await changesNothing(async () => {
      for (const route of routesOf(policy)) {
        expectRefusal(route, await send(route, first, { token }), policy.who.includes('user') ? notMine : 403);
        const { apiKey } = second;
        expectRefusal(route, await send(route, first, { apiKey }), policy.who.includes('key') ? notMine : 403);
      }
    });
  });

  it.each(nameless)('of another organisation sees and changes nothing of the first: %s', async (_row, policy) => {
    await changesNothing(async () => {
      for (const route of routesOf(policy)) {
        for (const credential of [{ token: await ownerToken(api, second) }, { apiKey: second.apiKey }]) {
          const answer = await send(route, first, credential);
          expect([route, answer.status < 500, answer.status]).toEqual([route, true, expect.any(Number)]);
          const text = JSON.stringify(answer.body ?? null);
          for (const mine of [
            nameIn(first.orgId),
            ...Object.values(first).filter((value) => typeof value === 'string'),
          ]) {
            expect(text).not.toContain(mine);
          }
        }
      }
    });
  });
});

describe('an API key with a single scope', () => {
  const mayCall = ({ who, scope }: RoutePolicy, held: ScopeName): boolean =>
    who.includes('key') && (scope === undefined || scope === held);

  it.each(guarded)('passes or is refused as the table says: %s', async (_row, policy) => {
    await changesNothing(async () => {
      for (const route of routesOf(policy)) {
        for (const [scope, apiKey] of keys) {
          if (!mayCall(policy, scope)) expectRefusal(route, await send(route, first, { apiKey }), 403);
          else {
            const { status } = await send(route, NOBODYS_IDS, { apiKey });
            expect([route, scope, [401, 403].includes(status), status < 500]).toEqual([route, scope, false, true]);
          }
        }
      }
    });
  });
});
