import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signAgentToken } from '#libs/crypto';
import { ROLES, SCOPES, type ScopeName, newId } from '#libs/kernel';
import { testOrganisation } from '#libs/testing';
import { type ApiFixture, type ApiRequestOptions, startApi } from '../../testing/api-fixture.js';
import { HttpEdge } from '../edge.js';
import { isOpen, policyProblems } from '../policy.js';
import { POLICY_TABLE } from '../policy.table.js';
import { ACTORS, type Actor, type Verdict, isolationPage, namesThing, promised } from './isolation.js';
import { NOBODYS_IDS, type World, makeWorld, ownerToken, requestOf } from './walk-world.js';

const PAGE = join(import.meta.dirname, '../../../../../docs/isolation.md');
const guarded = Object.entries(POLICY_TABLE).filter(([, policy]) => !isOpen(policy));

type Member = { readonly orgId: string; readonly userId: string };

let api: ApiFixture;
let first: World;
let second: World;
const members = new Map<Actor, Member>();
const keys = new Map<ScopeName, string>();
const found = new Map<string, Verdict>();

beforeAll(async () => {
  api = await startApi();
  first = await makeWorld(api);
  second = await makeWorld(api);
  members.set('OWNER', first);
  for (const role of ROLES.filter((name) => name !== 'OWNER')) {
    members.set(role, await testOrganisation(api.db.database, { orgId: first.orgId, role }));
  }
  const admin = await testOrganisation(api.db.database, { orgId: first.orgId, role: 'OWNER' });
  await api.db.database.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [admin.userId]);
  members.set('platform admin', admin);
  for (const scope of SCOPES) keys.set(scope, await api.apiKey(first, [scope]));
}, 60_000);
afterAll(() => api?.close());

/** A credential of its own for each call: signing out ends one. */
async function credentialOf(actor: Actor): Promise<ApiRequestOptions> {
  if (actor === 'nobody') return {};
  if (actor === 'agent token') {
    const claims = { agentId: first.agent, orgId: first.orgId, hostId: first.orgId, epoch: 1 };
    const token = signAgentToken(api.config.security.jwtSecret, claims);
    return { token, headers: { 'x-agent-token': token } };
  }
  const apiKey = keys.get(actor as ScopeName);
  if (apiKey !== undefined) return { apiKey };
  const member = actor === 'other organisation' ? second : members.get(actor);
  return { token: await ownerToken(api, member!) };
}

/**
 * What a route answers somebody. Whoever may come in asks for things that nobody has, so that nothing is changed; what is not
 * about the credential (a missing thing, a wrong field) counts as being let in.
 */
async function verdictOf(row: string, actor: Actor): Promise<Verdict> {
  const [method, template] = row.split(' ') as [string, string];
  const isOther = actor === 'other organisation' && namesThing(row);
  const { path, body } = requestOf(method, template, isOther ? first : { ...NOBODYS_IDS, invite: newId() });
  const options = { ...(body === undefined ? {} : { body }), ...(await credentialOf(actor)) };
  const response = await api.open(method, path, options);
  await response.body?.cancel();
  expect([row, actor, response.status < 500]).toEqual([row, actor, true]);
  if (response.status === 401 || response.status === 403) return response.status;
  return isOther && response.status === 404 ? 404 : 'yes';
}

describe('the isolation of organisations, roles and scopes', () => {
  it('is declared for every route', () => {
    expect(policyProblems(POLICY_TABLE, api.app.get(HttpEdge).registeredRoutes())).toEqual([]);
  });

  it.each(guarded)('is as promised: %s', async (row, policy) => {
    const verdicts: Record<string, Verdict> = {};
    for (const actor of ACTORS) {
      verdicts[actor] = await verdictOf(row, actor);
      found.set(`${row} ${actor}`, verdicts[actor]);
    }
    expect(verdicts).toEqual(Object.fromEntries(ACTORS.map((actor) => [actor, promised(row, policy, actor)])));
  });

  it('is what docs/isolation.md says', () => {
    const page = isolationPage(POLICY_TABLE, (row, actor) => found.get(`${row} ${actor}`) ?? 'open');
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});
