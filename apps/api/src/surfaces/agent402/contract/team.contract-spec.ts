import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CREDENTIAL_TOPIC } from '#libs/identity';
import { Notices } from '#libs/events';
import { type Role, newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { ownerToken } from '../../../http/contract/walk-world.js';

const PASSWORD = 'SecurePass123!';
const MEMBERS = '/api/v1/team/members';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApi();
}, 60_000);
afterAll(() => api.close());

interface Person extends ApiOrganisation {
  readonly token: string;
  readonly member: string;
}
interface MemberBody {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly status: string;
}

const someEmail = (): string => `${newId()}@example.com`;
const text = expect.any(String);
const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
const when = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

/** A signed-in member of a new organisation, or of the one given. */
async function person(role: Role = 'OWNER', orgId?: string): Promise<Person> {
  const organisation = await api.organisation({ role, ...(orgId ? { orgId } : {}) });
  const [row] = await api.db.database.query<{ id: string }>(
    'SELECT id FROM memberships WHERE org_id = $1 AND user_id = $2',
    [organisation.orgId, organisation.userId],
  );
  return { ...organisation, token: await ownerToken(api, organisation), member: row?.id ?? '' };
}

const ask = (by: Person | undefined, method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
  api.request(method, MEMBERS + path, { body, ...(by ? { token: by.token } : {}) });
const wish = (more: object = {}): object => ({ email: someEmail(), name: 'New Colleague', role: 'MEMBER', ...more });
const listed = async (by: Person): Promise<MemberBody[]> =>
  ((await ask(by, 'GET', '')).body as { members: MemberBody[] }).members;
const rolesOf = async (by: Person): Promise<string[]> => (await listed(by)).map(({ role }) => role).sort();

async function invited(by: Person, more: object = {}): Promise<{ member: MemberBody; token: string }> {
  const { status, body } = await ask(by, 'POST', '/invite', wish(more));
  expect(status).toBe(201);
  const { member, invite_token: token } = body as { member: MemberBody; invite_token: string };
  return { member, token };
}
const accept = (token: string, body?: unknown): Promise<ApiAnswer> =>
  ask(undefined, 'POST', `/accept-invite/${token}`, body);
const login = (email: string, password = PASSWORD, more: object = {}): Promise<ApiAnswer> =>
  api.request('POST', '/api/v1/auth/login', { body: { email, password, ...more } });
const me = (token: string): Promise<ApiAnswer> => api.request('GET', '/api/v1/auth/me', { token });

/** A refusal has its status and FastAPI's envelope. */
function expectDetail(answer: ApiAnswer, status: number, detail: unknown = text): void {
  expect([answer.status, answer.body]).toEqual([status, { detail, request_id: text }]);
}
/** Refused, and the team is what it was. */
async function changesNothing(by: Person, answer: () => Promise<ApiAnswer>, status: number): Promise<void> {
  const before = await listed(by);
  expectDetail(await answer(), status, status === 422 ? expect.any(Array) : text);
  expect(await listed(by)).toEqual(before);
}

describe('GET /team/members', () => {
  it('shows those who are here, then those who are invited', async () => {
    const owner = await person();
    const { member } = await invited(owner, { email: 'Pending@Example.com', role: 'VIEWER' });
    const { status, body } = await ask(owner, 'GET', '');
    const none = { invite_expires_at: null, invite_mail: null };
    const own = {
      id: owner.member,
      user_id: owner.userId,
      name: 'Test User',
      role: 'OWNER',
      status: 'ACTIVE',
      ...none,
    };
    expect([status, body]).toEqual([
      200,
      {
        members: [
          { ...own, email: `${owner.userId}@example.test`, invited_by: null, invited_at: null, joined_at: when },
          {
            id: member.id,
            user_id: null,
            email: 'Pending@Example.com',
            name: 'New Colleague',
            role: 'VIEWER',
            status: 'PENDING',
            invited_by: owner.userId,
            invited_at: when,
            joined_at: null,
            invite_expires_at: when,
            invite_mail: null,
          },
        ],
      },
    ]);
  });

  it('is for every user of the workspace and nobody else', async () => {
    const viewer = await person('VIEWER');
    expect(await rolesOf(viewer)).toEqual(['VIEWER']);
    expectDetail(await api.request('GET', MEMBERS, { apiKey: viewer.apiKey }), 403);
    expectDetail(await api.request('GET', MEMBERS), 401);
  });
});

describe('POST /team/members/invite', () => {
  it('makes a pending member and shows the token once', async () => {
    const owner = await person();
    const { status, body } = await ask(owner, 'POST', '/invite', wish({ name: ' <b>Ann</b> & Co ' }));
    expect([status, body]).toEqual([
      201,
      {
        member: expect.objectContaining({ id, name: 'Ann & Co', role: 'MEMBER', status: 'PENDING' }),
        invite_token: expect.stringMatching(/^eyJ/),
        message: text,
      },
    ]);
    const { invite_token: token } = body as { invite_token: string };
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, number>;
    expect(claims).toMatchObject({ type: 'team_invite', workspace_id: owner.orgId });
    expect((claims.exp ?? 0) - Date.now() / 1_000).toBeCloseTo(7 * 24 * 3_600, -2);
    const rows = await api.db.database.query<{ row: string }>('SELECT invites::text AS row FROM invites');
    expect(rows.some(({ row }) => row.includes(token))).toBe(false);
  });

  it('refuses an address that is a member or invited, in any case', async () => {
    const owner = await person();
    const { member } = await invited(owner);
    for (const email of [member.email.toUpperCase(), `${owner.userId}@EXAMPLE.test`]) {
      await changesNothing(owner, () => ask(owner, 'POST', '/invite', wish({ email })), 409);
    }
  });

  it('invites anew whom an invite was taken back from, or expired for', async () => {
    const owner = await person();
    const first = await invited(owner);
    const { email } = first.member;
    await ask(owner, 'DELETE', `/${first.member.id}`);
    const second = await invited(owner, { email });
    await api.db.database.query(`UPDATE invites SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      second.member.id,
    ]);
    await invited(owner, { email });
    expect((await listed(owner)).filter((member) => member.email === email)).toHaveLength(1);
    for (const { token } of [first, second]) expectDetail(await accept(token), 400);
  });

  it('is one of two that come at once', async () => {
    const owner = await person();
    const body = wish();
    const answers = await Promise.all([1, 2, 3].map(() => ask(owner, 'POST', '/invite', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it.each([
    ['nothing', {}],
    ['a bad address', wish({ email: 'nobody' })],
    ['an unknown role', wish({ role: 'KING' })],
    ['a name that is nothing but HTML', wish({ name: '<script>x</script>' })],
    ['a name that is too long', wish({ name: 'x'.repeat(256) })],
  ])('refuses %s', async (_what, body) => {
    const owner = await person();
    await changesNothing(owner, () => ask(owner, 'POST', '/invite', body), 422);
  });

  it('is for admins, and grants nothing above their own role', async () => {
    const owner = await person();
    for (const role of ['MEMBER', 'VIEWER'] as const) {
      const low = await person(role, owner.orgId);
      await changesNothing(owner, () => ask(low, 'POST', '/invite', wish({ role: 'VIEWER' })), 403);
    }
    const admin = await person('ADMIN', owner.orgId);
    await changesNothing(owner, () => ask(admin, 'POST', '/invite', wish({ role: 'OWNER' })), 403);
    await invited(admin, { role: 'ADMIN' });
    await invited(owner, { role: 'OWNER' });
  });

  it('stops at 200 a day', async () => {
    const owner = await person();
    await api.db.database.query(
      `INSERT INTO invites (id, org_id, email, role, token_hash, expires_at, revoked_at)
       SELECT gen_random_uuid(), $1::uuid, n || '@x', 'MEMBER', sha256((($1::uuid)::text || n)::bytea), now(), now()
         FROM generate_series(1, 200) n`,
      [owner.orgId],
    );
    const answer = await ask(owner, 'POST', '/invite', wish());
    expect([answer.status, answer.body]).toMatchObject([429, { error: 'rate_limit_exceeded', limit: 200 }]);
  });
});

describe('PATCH and PUT /team/members/{id}/role', () => {
  it.each(['PATCH', 'PUT'])('%s changes it at once, on keys too', async (method) => {
    const owner = await person();
    const member = await person('MEMBER', owner.orgId);
    const make = (): Promise<ApiAnswer> =>
      api.request('POST', '/v1/swarms', { apiKey: member.apiKey, body: { name: 'S' } });
    expect((await make()).status).toBe(201);
    const answer = await ask(owner, method, `/${member.member}/role`, { role: 'VIEWER' });
    expect([answer.status, answer.body]).toMatchObject([200, { id: member.member, role: 'VIEWER', status: 'ACTIVE' }]);
    expect((await make()).status).toBe(403);
    expect((await listed(member)).find((row) => row.id === member.member)?.role).toBe('VIEWER');
  });

  it('changes what a pending member will be', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    expect((await ask(owner, 'PATCH', `/${member.id}/role`, { role: 'ADMIN' })).body).toMatchObject({ role: 'ADMIN' });
    expect((await accept(token, { password: PASSWORD })).body).toMatchObject({ id: member.id, role: 'ADMIN' });
  });

  it('never touches the last owner', async () => {
    const owner = await person();
    const admin = await person('ADMIN', owner.orgId);
    for (const by of [owner, admin]) {
      await changesNothing(owner, () => ask(by, 'PATCH', `/${owner.member}/role`, { role: 'MEMBER' }), 400);
    }
  });

  it('lets owners make owners, and an owner go back when another stays', async () => {
    const owner = await person();
    const admin = await person('ADMIN', owner.orgId);
    await changesNothing(owner, () => ask(admin, 'PATCH', `/${admin.member}/role`, { role: 'OWNER' }), 403);
    expect((await ask(owner, 'PATCH', `/${admin.member}/role`, { role: 'OWNER' })).status).toBe(200);
    expect((await ask(owner, 'PATCH', `/${owner.member}/role`, { role: 'VIEWER' })).status).toBe(200);
    expect(await rolesOf(admin)).toEqual(['OWNER', 'VIEWER']);
  });

  it('leaves an owner when owners demote each other at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const one = await person();
      const two = await person('OWNER', one.orgId);
      const answers = await Promise.all([
        ask(one, 'PATCH', `/${two.member}/role`, { role: 'MEMBER' }),
        ask(two, 'PATCH', `/${one.member}/role`, { role: 'MEMBER' }),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
      expect(await rolesOf(one)).toEqual(['MEMBER', 'OWNER']);
    }
  });

  it('counts no owner who is suspended or inactive', async () => {
    const owner = await person();
    const other = await person('OWNER', owner.orgId);
    const demote = (): Promise<ApiAnswer> => ask(owner, 'PATCH', `/${owner.member}/role`, { role: 'ADMIN' });
    await api.db.database.query('UPDATE users SET is_active = false WHERE id = $1', [other.userId]);
    await changesNothing(owner, demote, 400);
    await api.db.database.query('UPDATE users SET is_active = true WHERE id = $1', [other.userId]);
    await ask(owner, 'PATCH', `/${other.member}/status`, { status: 'SUSPENDED' });
    await changesNothing(owner, demote, 400);
  });

  it('refuses an unknown role, a malformed id, an unknown one, a foreign one, members and keys', async () => {
    const owner = await person();
    const [low, foreign] = [await person('MEMBER', owner.orgId), await person()];
    const change =
      (by: Person, member: string, body: object = { role: 'VIEWER' }) =>
      () =>
        ask(by, 'PATCH', `/${member}/role`, body);
    await changesNothing(owner, change(owner, low.member, { role: 'owner' }), 422);
    await changesNothing(owner, change(owner, low.member, {}), 422);
    await changesNothing(owner, change(owner, 'not-an-id'), 422);
    await changesNothing(owner, change(owner, newId()), 404);
    await changesNothing(owner, change(foreign, low.member), 404);
    await changesNothing(owner, change(low, low.member, { role: 'ADMIN' }), 403);
    const { apiKey } = owner;
    const byKey = { apiKey, body: { role: 'VIEWER' } };
    await changesNothing(owner, () => api.request('PATCH', `${MEMBERS}/${low.member}/role`, byKey), 403);
  });
});

describe('PATCH /team/members/{id}/status', () => {
  it('suspends: sessions end, keys rest; reinstating gives the keys back', async () => {
    const owner = await person();
    const member = await person('MEMBER', owner.orgId);
    const byKey = async (): Promise<number> =>
      (await api.request('GET', '/v1/agents', { apiKey: member.apiKey })).status;
    expect(await byKey()).toBe(200);
    const suspended = await ask(owner, 'PATCH', `/${member.member}/status`, { status: 'SUSPENDED' });
    expect([suspended.status, suspended.body]).toMatchObject([200, { id: member.member, status: 'SUSPENDED' }]);
    expect([(await me(member.token)).status, await byKey()]).toEqual([401, 401]);
    await ask(owner, 'PATCH', `/${member.member}/status`, { status: 'ACTIVE' });
    expect([(await me(member.token)).status, await byKey()]).toEqual([401, 200]);
  });

  it('refuses the last owner, a pending member, another word and members', async () => {
    const owner = await person();
    const { member } = await invited(owner);
    const low = await person('MEMBER', owner.orgId);
    const set = (by: Person, who: string, status: string) => () => ask(by, 'PATCH', `/${who}/status`, { status });
    await changesNothing(owner, set(owner, owner.member, 'SUSPENDED'), 400);
    await changesNothing(owner, set(owner, member.id, 'SUSPENDED'), 404);
    await changesNothing(owner, set(owner, low.member, 'PENDING'), 422);
    await changesNothing(owner, set(low, low.member, 'SUSPENDED'), 403);
  });
});

describe('DELETE /team/members/{id}', () => {
  it('ends sessions, keys and places in swarms at once, for good', async () => {
    const owner = await person();
    const member = await person('MEMBER', owner.orgId);
    const swarm = await api.request('POST', '/v1/swarms', { apiKey: owner.apiKey, body: { name: 'S' } });
    const { id: swarmId } = (swarm.body as { data: { id: string } }).data;
    await api.request('PUT', `/v1/swarms/${swarmId}/members/${member.userId}`, { apiKey: owner.apiKey });
    const byKey = (): Promise<ApiAnswer> => api.request('GET', '/v1/agents', { apiKey: member.apiKey });
    expect([(await me(member.token)).status, (await byKey()).status]).toEqual([200, 200]);
    const answer = await ask(owner, 'DELETE', `/${member.member}`);
    expect([answer.status, answer.body]).toEqual([200, { message: text }]);
    expect([(await me(member.token)).status, (await byKey()).status]).toEqual([401, 401]);
    const members = await api.request('GET', `/v1/swarms/${swarmId}/members`, { apiKey: owner.apiKey });
    expect(members.body).toMatchObject({ data: [] });
    await api.db.database.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [
      owner.orgId,
      member.userId,
      'MEMBER',
    ]);
    api.app.get(Notices).notify(CREDENTIAL_TOPIC, `user:${member.userId}`);
    expect([(await me(member.token)).status, (await byKey()).status]).toEqual([401, 401]);
    expectDetail(await ask(owner, 'DELETE', `/${member.member}`), 404);
  });

  it('keeps their other workspaces', async () => {
    const [here, there] = [await person(), await person()];
    const email = `${there.userId}@example.test`;
    const { member, token } = await invited(here, { email });
    expect((await accept(token)).status).toBe(200);
    await ask(here, 'DELETE', `/${member.id}`);
    expect((await me(there.token)).body).toMatchObject({ workspace_id: there.orgId });
  });

  it('takes an invite back', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    expect((await ask(owner, 'DELETE', `/${member.id}`)).status).toBe(200);
    expectDetail(await accept(token), 400);
    expect(await rolesOf(owner)).toEqual(['OWNER']);
  });

  it('refuses the last owner, an admin who removes an owner, ids that are none, and members', async () => {
    const owner = await person();
    const admin = await person('ADMIN', owner.orgId);
    const [low, foreign] = [await person('MEMBER', owner.orgId), await person()];
    const remove = (by: Person, member: string) => () => ask(by, 'DELETE', `/${member}`);
    await changesNothing(owner, remove(owner, owner.member), 400);
    await changesNothing(owner, remove(admin, owner.member), 400);
    await changesNothing(owner, remove(owner, 'not-an-id'), 422);
    await changesNothing(owner, remove(owner, newId()), 404);
    await changesNothing(owner, remove(foreign, low.member), 404);
    await changesNothing(owner, remove(low, low.member), 403);
  });

  it('leaves an owner when owners remove each other at once', async () => {
    const one = await person();
    const two = await person('OWNER', one.orgId);
    const answers = await Promise.all([ask(one, 'DELETE', `/${two.member}`), ask(two, 'DELETE', `/${one.member}`)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const rows = await api.db.database.query('SELECT 1 FROM memberships WHERE org_id = $1', [one.orgId]);
    expect(rows).toHaveLength(1);
  });
});

describe('POST /team/members/accept-invite/{token}', () => {
  it('joins with a new account that has a password', async () => {
    const owner = await person();
    const { member, token } = await invited(owner, { role: 'VIEWER' });
    const answer = await accept(token, { password: PASSWORD, full_name: 'Ann <i>Bee</i>' });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id: member.id,
        user_id: id,
        workspace_id: owner.orgId,
        email: member.email,
        name: 'Ann Bee',
        role: 'VIEWER',
        status: 'ACTIVE',
        joined_at: when,
        set_password_token: null,
        message: text,
      },
    ]);
    expect((await login(member.email)).body).toMatchObject({ workspace_id: owner.orgId, full_name: 'Ann Bee' });
    expect((await listed(owner))[1]).toMatchObject({ id: member.id, status: 'ACTIVE', invited_by: owner.userId });
  });

  it('works as documented without a body: no password opens the account until one is set', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    const answer = await accept(token);
    expect([answer.status, answer.body]).toMatchObject([200, { status: 'ACTIVE', set_password_token: text }]);
    expect((await login(member.email)).status).toBe(401);
    const { set_password_token: link } = answer.body as { set_password_token: string };
    const set = (password: string): Promise<ApiAnswer> =>
      api.request('POST', '/api/v1/auth/set-password', { body: { token: link, password } });
    expect((await set('weak')).status).toBe(422);
    expect(await set(PASSWORD)).toMatchObject({ status: 200, body: { message: text } });
    expect((await login(member.email)).status).toBe(200);
    expectDetail(await set('OtherPass123!'), 400);
    expect((await login(member.email)).status).toBe(200);
  });

  it('joins an existing account, whose password and name stay, and signs in to either workspace', async () => {
    const owner = await person();
    const email = someEmail();
    await api.request('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, name: 'Old Hand' } });
    const { token } = await invited(owner, { email: email.toUpperCase() });
    const answer = await accept(token, { password: 'Hijack-12345', full_name: 'Mallory' });
    expect([answer.status, answer.body]).toMatchObject([200, { name: 'Old Hand', set_password_token: null }]);
    expect((await login(email, 'Hijack-12345')).status).toBe(401);
    const home = (await login(email)).body as { workspace_id: string };
    expect(home.workspace_id).not.toBe(owner.orgId);
    const there = await login(email, PASSWORD, { workspace_id: owner.orgId });
    expect(there.body).toMatchObject({ workspace_id: owner.orgId });
    expectDetail(await login(email, PASSWORD, { workspace_id: newId() }), 403);
    expect((await login(email, PASSWORD, { workspace_id: 'x' })).status).toBe(422);
  });

  it('is good once, also for two at once, and says that it was used', async () => {
    const owner = await person();
    const { token } = await invited(owner);
    const answers = await Promise.all([accept(token, { password: PASSWORD }), accept(token, { password: PASSWORD })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expectDetail(await accept(token), 409);
    const register = { email: someEmail(), password: PASSWORD, name: 'D', invite_token: token };
    expect((await api.request('POST', '/api/v1/auth/register', { body: register })).status).toBe(403);
  });

  it('is the same invite that registering takes', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    const register = { email: member.email, password: PASSWORD, name: 'Dev', invite_token: token };
    const answer = await api.request('POST', '/api/v1/auth/register', { body: register });
    expect([answer.status, answer.body]).toMatchObject([200, { workspace_id: owner.orgId }]);
    expect((await listed(owner))[1]).toMatchObject({ id: member.id, status: 'ACTIVE' });
    expectDetail(await accept(token), 409);
  });

  it('refuses nonsense, an expired invite, a weak password and a token of another kind', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    for (const wrong of ['nonsense', owner.token, `${token}x`]) expectDetail(await accept(wrong), 400);
    expect((await accept(token, { password: 'weak' })).status).toBe(422);
    await api.db.database.query(`UPDATE invites SET expires_at = now() WHERE id = $1`, [member.id]);
    await changesNothing(owner, () => accept(token), 400);
  });

  it('makes no platform admin of an address that the inviter alone vouches for', async () => {
    const strict = await startApi({ security: { adminEmails: ['boss@example.com'] } });
    const { orgId, userId } = await strict.organisation();
    const token = await ownerToken(strict, { orgId, userId } as ApiOrganisation);
    const body = wish({ email: 'boss@example.com' });
    const made = await strict.request('POST', `${MEMBERS}/invite`, { token, body });
    const { invite_token: inviteToken } = made.body as { invite_token: string };
    await strict.request('POST', `${MEMBERS}/accept-invite/${inviteToken}`, { body: { password: PASSWORD } });
    const rows = await strict.db.database.query(
      `SELECT is_platform_admin AS admin FROM users WHERE email LIKE 'boss%'`,
    );
    expect(rows).toEqual([{ admin: false }]);
    await strict.close();
  });
});

describe('what is done in a team', () => {
  it('stands in the audit log', async () => {
    const owner = await person();
    const { member, token } = await invited(owner);
    await accept(token, { password: PASSWORD });
    await ask(owner, 'PATCH', `/${member.id}/role`, { role: 'VIEWER' });
    await ask(owner, 'DELETE', `/${member.id}`);
    const rows = await api.db.database.query<{ action: string; resource: string }>(
      `SELECT action, resource FROM audit_events WHERE org_id = $1 AND action LIKE 'member.%' ORDER BY id`,
      [owner.orgId],
    );
    expect(rows.map(({ action }) => action)).toEqual(['member.invite', 'member.join', 'member.role', 'member.remove']);
    expect(new Set(rows.map(({ resource }) => resource))).toEqual(new Set([`member:${member.id}`]));
  });
});
