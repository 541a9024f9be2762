import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { type Caller, type Role, SCOPES, newId } from '#libs/kernel';
import { type TestDatabase, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { AccountsService } from './accounts/accounts.service.js';
import { createFirstAdmin } from './accounts/first-admin.js';
import { type Registration, Registrations } from './accounts/registrations.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { CREDENTIAL_TOPIC, CredentialService } from './credentials/credential.service.js';
import { identityProcess } from './identity.fixture.js';
import { OrganisationsService } from './organisations/organisations.service.js';
import { SessionsService } from './sessions/sessions.service.js';
import { Notices } from '#libs/events';
import { TeamTokens } from './team/team-tokens.js';

const PASSWORD = 'SecurePass123!';

let db: TestDatabase;
let one: TestingModule;
let two: TestingModule;
beforeAll(async () => {
  db = await testDatabase();
  one = await identityProcess(db, { security: { adminEmails: ['boss@example.com'] } });
  two = await identityProcess(db);
}, 60_000);
afterAll(async () => {
  await one.close();
  await two.close();
  await db.close();
});

const someEmail = (): string => `${newId()}@example.com`;
const register = (more: Partial<Registration> = {}, at: TestingModule = one) =>
  at.get(Registrations).register({ email: someEmail(), password: PASSWORD, fullName: 'Dev User', ...more });
const login = (email: string, password = PASSWORD, address = '203.0.113.1') =>
  one.get(AccountsService).login({ email, password, address });
const callerOf = async (token: string, at: TestingModule = one): Promise<Caller> => {
  const caller = await at.get(CredentialService).fromAccessToken(token);
  if (!caller) throw new Error('the token was refused');
  return caller;
};
const invite = async (orgId: string, email: string, role: Role = 'MEMBER', days = 1): Promise<string> => {
  const token = randomBytes(16).toString('hex');
  await db.database.query(
    `INSERT INTO invites (id, org_id, email, role, token_hash, expires_at)
     VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))`,
    [newId(), orgId, email, role, createHash('sha256').update(token).digest(), days],
  );
  return token;
};
const change = async (userId: string, sql: string): Promise<void> => {
  await db.database.query(sql, [userId]);
  one.get(Notices).notify(CREDENTIAL_TOPIC, `user:${userId}`);
};

describe('registration', () => {
  it('makes an organisation whose owner is the new user', async () => {
    const { email } = await register();
    const caller = await callerOf((await login(email)).accessToken);
    expect(caller).toMatchObject({ kind: 'user', role: 'OWNER', scopes: [...SCOPES], isPlatformAdmin: false });
  });

  it('makes a new organisation for a workspace nobody has, also the second time', async () => {
    const [first, second] = [
      await register({ workspace: 'your-workspace-id' }),
      await register({ workspace: 'your-workspace-id' }),
    ];
    expect(first.orgId).not.toBe(second.orgId);
    expect((await register({ workspace: newId() })).orgId).not.toBe(first.orgId);
  });

  it('never joins an existing organisation without an invite', async () => {
    const { orgId } = await register();
    const [row] = await db.database.query<{ slug: string }>('SELECT slug FROM organisations WHERE id = $1', [orgId]);
    for (const workspace of [orgId, row?.slug ?? '']) {
      await expect(register({ workspace })).rejects.toMatchObject({ kind: 'forbidden', code: 'invite_required' });
    }
  });

  it('joins with an invite for the address, once, in the invited role', async () => {
    const { orgId } = await register();
    const email = someEmail();
    const inviteToken = await invite(orgId, email.toUpperCase(), 'VIEWER');
    expect((await register({ email, workspace: orgId, inviteToken })).orgId).toBe(orgId);
    expect((await callerOf((await login(email)).accessToken)).role).toBe('VIEWER');
    await expect(register({ inviteToken })).rejects.toMatchObject({ code: 'invite_required' });
  });

  it('refuses an invite that expired, is for another address or another organisation, and leaves it unused', async () => {
    const [{ orgId }, elsewhere] = [await register(), await register()];
    const email = someEmail();
    await expect(register({ email, inviteToken: await invite(orgId, email, 'MEMBER', -1) })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    const inviteToken = await invite(orgId, email);
    await expect(register({ inviteToken })).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(register({ email, inviteToken, workspace: elsewhere.orgId })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    expect((await register({ email, inviteToken })).orgId).toBe(orgId);
  });

  it('refuses an address that is taken, in any case, also when two register at once', async () => {
    const email = someEmail();
    const results = await Promise.allSettled([register({ email }), register({ email: email.toUpperCase() })]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(register({ email })).rejects.toMatchObject({ kind: 'conflict', code: 'email_taken' });
  });

  it('makes platform admins only of addresses that a mailed invite proved', async () => {
    const unproved = await register({ email: 'boss@example.com' });
    const admin = (): Promise<{ is_platform_admin: boolean }[]> =>
      db.database.query(`SELECT is_platform_admin FROM users WHERE email = 'boss@example.com'`);
    expect(await admin()).toEqual([{ is_platform_admin: false }]);
    const again = async (userId: string, inviteToken: (orgId: string) => Promise<string>): Promise<string> => {
      await db.database.query('DELETE FROM users WHERE id = $1', [userId]);
      const { orgId } = await register();
      return (await register({ email: 'boss@example.com', inviteToken: await inviteToken(orgId) })).userId;
    };
    const handedOver = await again(unproved.userId, (orgId) => invite(orgId, 'boss@example.com'));
    expect(await admin()).toEqual([{ is_platform_admin: false }]);
    await again(handedOver, async (orgId) => {
      await invite(orgId, 'boss@example.com');
      const [row] = await db.database.query<{ id: string; expiresAt: Date }>(
        'SELECT id, expires_at AS "expiresAt" FROM invites WHERE org_id = $1',
        [orgId],
      );
      return one.get(TeamTokens, { strict: false }).signInvite({ ...row!, orgId }, 'mail');
    });
    expect(await admin()).toEqual([{ is_platform_admin: true }]);
  });

  it('obeys REGISTRATION', async () => {
    const [closed, byInvite] = [
      await identityProcess(db, { security: { registration: 'closed' } }),
      await identityProcess(db, { security: { registration: 'invite' } }),
    ];
    const { orgId } = await register();
    const email = someEmail();
    const inviteToken = await invite(orgId, email);
    await expect(register({ email, inviteToken }, closed)).rejects.toMatchObject({ code: 'registration_closed' });
    await expect(register({}, byInvite)).rejects.toMatchObject({ code: 'invite_required' });
    expect((await register({ email, inviteToken }, byInvite)).orgId).toBe(orgId);
    await closed.close();
    await byInvite.close();
  });
});

describe('signing in', () => {
  it('says the same for an unknown user and a wrong password', async () => {
    const { email } = await register();
    const refusal = { kind: 'unauthenticated', message: 'Incorrect email or password' };
    await expect(login(email, 'WrongPass123!')).rejects.toMatchObject(refusal);
    await expect(login(someEmail())).rejects.toMatchObject(refusal);
  });

  it('compares addresses without regard to case', async () => {
    const { email, userId } = await register();
    expect((await login(email.toUpperCase())).userId).toBe(userId);
  });

  it('refuses an inactive user, who must know the password to learn it', async () => {
    const { email, userId } = await register();
    const { accessToken } = await login(email);
    await change(userId, 'UPDATE users SET is_active = false WHERE id = $1');
    await expect(login(email)).rejects.toMatchObject({ kind: 'forbidden', code: 'account_inactive' });
    await expect(login(email, 'WrongPass123!')).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(callerOf(accessToken)).rejects.toMatchObject({ code: 'account_inactive' });
  });

  it('gives five guesses a minute, even fifty at once, without locking the owner out elsewhere', async () => {
    const { email } = await register();
    const guesses = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => login(email, `WrongPass${n}!`, '198.51.100.7')),
    );
    const kinds = guesses.map((guess) => (guess.status === 'rejected' ? (guess.reason as { kind: string }).kind : ''));
    expect(kinds.filter((kind) => kind === 'unauthenticated')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'rate_limited')).toHaveLength(45);
    await expect(login(email, PASSWORD, '198.51.100.7')).rejects.toMatchObject({ kind: 'rate_limited' });
    await expect(login(email, PASSWORD, '198.51.100.8')).resolves.toMatchObject({ email });
  });

  it('gives networks that an account never signed in from thirty attempts an hour together, and its own all of theirs', async () => {
    const { email } = await register();
    await login(email, PASSWORD, '192.0.2.1');
    const guesses = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => login(email, `WrongPass${n}!`, `198.51.100.${n}`)),
    );
    const kinds = guesses.map((guess) => (guess.status === 'rejected' ? (guess.reason as { kind: string }).kind : ''));
    expect(kinds.filter((kind) => kind === 'unauthenticated')).toHaveLength(29);
    expect(kinds.filter((kind) => kind === 'rate_limited')).toHaveLength(11);
    await expect(login(email, PASSWORD, '203.0.113.99')).rejects.toMatchObject({
      code: 'too_many_failures',
      details: { limit: 30 },
    });
    await expect(login(email, PASSWORD, '192.0.2.1')).resolves.toMatchObject({ email });
    await expect(login((await register()).email, PASSWORD, '198.51.100.1')).resolves.toBeDefined();
  });

  it('counts a network of IPv6 as one, and an address nobody has like one somebody has', async () => {
    const nobody = someEmail();
    const guess = (n: number) => login(nobody, PASSWORD, `2001:db8:0:${n}::${n.toString(16)}`);
    for (let n = 0; n < 30; n += 1) await expect(guess(n)).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(guess(31)).rejects.toMatchObject({ kind: 'rate_limited', details: { limit: 30 } });
    const { email } = await register();
    for (let n = 0; n < 5; n += 1) {
      await expect(login(email, 'WrongPass1!', `2001:db8:1:1::${n}`)).rejects.toMatchObject({
        kind: 'unauthenticated',
      });
    }
    await expect(login(email, PASSWORD, '2001:db8:1:1::ffff')).rejects.toMatchObject({ details: { limit: 5 } });
  });

  it('does not let strangers keep the owner from a new password once signed in, or from a network a mailed link was used on', async () => {
    const { email } = await register();
    const { accessToken, userId } = await login(email, PASSWORD, '192.0.2.1');
    for (let n = 0; n < 30; n += 1) {
      await login(email, 'WrongPass1!', `198.51.100.${n}`).catch(() => undefined);
    }
    const caller = await callerOf(accessToken);
    const change = { current: PASSWORD, next: 'OtherPass123!', address: '203.0.113.7' };
    await one.get(AccountsService).changePassword(caller, change);
    await expect(login(email, 'OtherPass123!', '203.0.113.8')).rejects.toMatchObject({ kind: 'rate_limited' });
    await db.database.transaction((tx) => one.get(SessionsService).trust(tx, userId, '203.0.113.8'));
    await expect(login(email, 'OtherPass123!', '203.0.113.8')).resolves.toMatchObject({ userId });
  });

  it('forgets networks that were not signed in from for 90 days', async () => {
    const { email } = await register();
    const { userId } = await login(email, PASSWORD, '192.0.2.1');
    await login(email, PASSWORD, '192.0.2.2');
    await db.database.query(
      `UPDATE sign_in_networks SET last_at = now() - interval '91 days' WHERE user_id = $1 AND network_hash =
         sha256(convert_to($1::text || '|192.0.2.1', 'UTF8'))`,
      [userId],
    );
    await one.get(SessionsService).sweep(1_000);
    const rows = await db.database.query('SELECT 1 FROM sign_in_networks WHERE user_id = $1', [userId]);
    expect(rows).toHaveLength(1);
  });

  it('does not count successes', async () => {
    const { email } = await register();
    for (let n = 0; n < 8; n += 1) await login(email);
    await expect(login(email)).resolves.toMatchObject({ email });
  });
});

describe('login sessions', () => {
  it('trade a refresh token for a new pair', async () => {
    const { email } = await register();
    const first = await login(email);
    const second = await one.get(SessionsService).refresh(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await callerOf(second.accessToken)).sessionId).toBe((await callerOf(first.accessToken)).sessionId);
    await expect(one.get(SessionsService).refresh(second.refreshToken)).resolves.toBeDefined();
  });

  it('give clients that race on two replicas the same successor', async () => {
    const { refreshToken } = await login((await register()).email);
    const pairs = await Promise.all(
      [one, two, one, two].map((process) => process.get(SessionsService).refresh(refreshToken)),
    );
    expect(new Set(pairs.map((pair) => pair.refreshToken)).size).toBe(1);
  });

  it('end when a refresh token is used again after the grace', async () => {
    const first = await login((await register()).email);
    const second = await one.get(SessionsService).refresh(first.refreshToken);
    await db.database.query(
      `UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE used_at IS NOT NULL`,
    );
    const refusal = { kind: 'unauthenticated', code: 'invalid_refresh_token' };
    await expect(one.get(SessionsService).refresh(first.refreshToken)).rejects.toMatchObject(refusal);
    await expect(one.get(SessionsService).refresh(second.refreshToken)).rejects.toMatchObject(refusal);
    expect(await one.get(CredentialService).fromAccessToken(second.accessToken)).toBeUndefined();
  });

  it('take no access token for a refresh token', async () => {
    const { accessToken } = await login((await register()).email);
    await expect(one.get(SessionsService).refresh(accessToken)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  it('end on every replica at logout', async () => {
    const { accessToken, refreshToken } = await login((await register()).email);
    await callerOf(accessToken, two);
    await one.get(SessionsService).logout(await callerOf(accessToken));
    expect(await one.get(CredentialService).fromAccessToken(accessToken)).toBeUndefined();
    await eventually(async () => (await two.get(CredentialService).fromAccessToken(accessToken)) === undefined, {
      timeoutMs: 2_000,
    });
    await expect(two.get(SessionsService).refresh(refreshToken)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  it('change with the role on every replica', async () => {
    const { email, userId } = await register();
    const { accessToken } = await login(email);
    await callerOf(accessToken, two);
    await change(userId, `UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1`);
    expect((await callerOf(accessToken)).role).toBe('VIEWER');
    await eventually(async () => (await callerOf(accessToken, two)).role === 'VIEWER', { timeoutMs: 2_000 });
  });

  it('die with the membership', async () => {
    const { email, userId } = await register();
    const { accessToken, refreshToken } = await login(email);
    await change(userId, 'DELETE FROM memberships WHERE user_id = $1');
    expect(await one.get(CredentialService).fromAccessToken(accessToken)).toBeUndefined();
    await expect(one.get(SessionsService).refresh(refreshToken)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  it('are deleted a day after they expired, living ones are not', async () => {
    const [dead, alive] = [await login((await register()).email), await login((await register()).email)];
    const { sessionId } = await callerOf(dead.accessToken);
    await db.database.query(`UPDATE login_sessions SET expires_at = now() - interval '2 days' WHERE id = $1`, [
      sessionId,
    ]);
    await one.get(SessionsService).sweep(100);
    expect(await db.database.query('SELECT 1 FROM login_sessions WHERE id = $1', [sessionId])).toEqual([]);
    await expect(one.get(SessionsService).refresh(alive.refreshToken)).resolves.toBeDefined();
  });
});

describe('changing the password', () => {
  it('ends the other sessions and keeps this one', async () => {
    const { email } = await register();
    const [here, there] = [await login(email), await login(email)];
    await one
      .get(AccountsService)
      .changePassword(await callerOf(here.accessToken), { current: PASSWORD, next: 'NewerPass456!', address: 'a' });
    expect(await one.get(CredentialService).fromAccessToken(there.accessToken)).toBeUndefined();
    await expect(callerOf(here.accessToken)).resolves.toBeDefined();
    await expect(login(email)).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(login(email, 'NewerPass456!')).resolves.toMatchObject({ email });
  });

  it('needs the current one, with as many guesses as signing in', async () => {
    const { email } = await register();
    const caller = await callerOf((await login(email)).accessToken);
    const guess = () =>
      one.get(AccountsService).changePassword(caller, { current: 'WrongPass1', next: 'NewerPass456!', address: 'b' });
    for (let n = 0; n < 5; n += 1) await expect(guess()).rejects.toMatchObject({ code: 'wrong_password' });
    await expect(guess()).rejects.toMatchObject({ kind: 'rate_limited' });
  });
});

describe('API keys', () => {
  const keysOf = (at: TestingModule = one): ApiKeysService => at.get(ApiKeysService);
  const all = { limit: 50, offset: 0 };

  it('act for their maker with their own scopes', async () => {
    const { caller, orgId, userId } = await testOrganisation(db.database);
    const key = await keysOf().create(caller, { name: 'ci', scopes: ['agents:read', 'chat'] });
    expect(key.secret).toMatch(/^ak_live_[0-9a-f]{32}$/);
    expect(await one.get(CredentialService).fromApiKey(key.secret)).toEqual({
      kind: 'apiKey',
      subject: `key:${key.id}`,
      orgId,
      userId,
      keyId: key.id,
      role: 'OWNER',
      scopes: ['agents:read', 'chat'],
      isPlatformAdmin: false,
    });
  });

  it('are stored as a hash only', async () => {
    const { caller } = await testOrganisation(db.database);
    const { secret } = await keysOf().create(caller, { name: 'ci', scopes: ['chat'] });
    const rows = await db.database.query<{ row: string }>('SELECT api_keys::text AS row FROM api_keys');
    expect(rows.some(({ row }) => row.includes(secret.slice('ak_live_'.length)))).toBe(false);
  });

  it('are never stronger than their maker, now or later', async () => {
    const { caller, userId } = await testOrganisation(db.database, { role: 'VIEWER' });
    await expect(keysOf().create(caller, { name: 'x', scopes: ['agents:write'] })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    await change(userId, `UPDATE memberships SET role = 'MEMBER' WHERE user_id = $1`);
    const member: Caller = { ...caller, role: 'MEMBER', scopes: SCOPES };
    const { secret } = await keysOf().create(member, { name: 'x', scopes: ['agents:write', 'agents:read'] });
    await change(userId, `UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1`);
    expect((await one.get(CredentialService).fromApiKey(secret))?.scopes).toEqual(['agents:read']);
  });

  it('never make keys', async () => {
    const { caller } = await testOrganisation(db.database);
    const { secret } = await keysOf().create(caller, { name: 'x', scopes: [...SCOPES] });
    const key = await one.get(CredentialService).fromApiKey(secret);
    expect(key).toBeDefined();
    await expect(keysOf().create(key as Caller, { name: 'y', scopes: ['chat'] })).rejects.toMatchObject({
      kind: 'forbidden',
    });
  });

  it.each([
    ['their maker is inactive', 'UPDATE users SET is_active = false WHERE id = $1'],
    ['their maker left the organisation', 'DELETE FROM memberships WHERE user_id = $1'],
    ['their maker is gone', 'DELETE FROM users WHERE id = $1'],
  ])('stop working when %s', async (_when, sql) => {
    const { caller, userId } = await testOrganisation(db.database);
    const { secret } = await keysOf().create(caller, { name: 'x', scopes: ['chat'] });
    await expect(one.get(CredentialService).fromApiKey(secret)).resolves.toBeDefined();
    await change(userId, sql);
    await expect(one.get(CredentialService).fromApiKey(secret)).resolves.toBeUndefined();
  });

  it('stop working on every replica when revoked', async () => {
    const { caller } = await testOrganisation(db.database);
    const { id, secret } = await keysOf().create(caller, { name: 'x', scopes: ['chat'] });
    await two.get(CredentialService).fromApiKey(secret);
    await keysOf().revoke(caller, id);
    expect(await one.get(CredentialService).fromApiKey(secret)).toBeUndefined();
    await eventually(async () => (await two.get(CredentialService).fromApiKey(secret)) === undefined, {
      timeoutMs: 2_000,
    });
    await expect(keysOf().revoke(caller, id)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('are seen and revoked by their maker and by admins, never from another organisation', async () => {
    const { caller: owner, orgId } = await testOrganisation(db.database);
    const { caller: member } = await testOrganisation(db.database, { orgId, role: 'MEMBER' });
    const { caller: stranger } = await testOrganisation(db.database);
    const mine = await keysOf().create(member, { name: 'mine', scopes: ['chat'] });
    const theirs = await keysOf().create(owner, { name: 'theirs', scopes: ['chat'] });
    const names = async (caller: Caller): Promise<string[]> =>
      (await keysOf().list(caller, all)).items.map(({ name }) => name);
    expect(await names(owner)).toEqual(['theirs', 'mine']);
    expect(await names(member)).toEqual(['mine']);
    expect(await names(stranger)).toEqual([]);
    await expect(keysOf().revoke(member, theirs.id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(keysOf().revoke(stranger, mine.id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(keysOf().revoke(owner, 'not-an-id')).rejects.toMatchObject({ kind: 'not_found' });
    await keysOf().revoke(owner, mine.id);
    expect((await keysOf().list(owner, all)).total).toBe(1);
  });
});

describe('the first admin', () => {
  it('is made once, however many ask, with a password and a key that work', async () => {
    await db.database.query('UPDATE users SET is_platform_admin = false');
    const wish = { email: 'admin@rookery.local', organisation: 'Operators' };
    const made = (await Promise.all([createFirstAdmin(db.database, wish), createFirstAdmin(db.database, wish)])).filter(
      (admin) => admin !== undefined,
    );
    expect(made).toHaveLength(1);
    const [admin] = made;
    const { accessToken, orgId } = await login(wish.email, admin?.password);
    expect(orgId).toBe(admin?.orgId);
    expect(await callerOf(accessToken)).toMatchObject({ isPlatformAdmin: true, role: 'OWNER' });
    expect((await one.get(CredentialService).fromApiKey(admin?.apiKey ?? ''))?.scopes).toEqual([...SCOPES]);
    await expect(
      createFirstAdmin(db.database, { ...wish, email: 'second@rookery.local', another: true }),
    ).resolves.toBeDefined();
  });
});

describe('an organisation', () => {
  it('has the limits of its plan', async () => {
    const { scope, orgId } = await testOrganisation(db.database);
    expect(await one.get(OrganisationsService).account(scope)).toMatchObject({
      id: orgId,
      plan: 'self-hosted',
      limits: { maxAgents: expect.any(Number) },
      features: { api_access: true },
    });
    await expect(one.get(OrganisationsService).account({ orgId: newId() })).rejects.toMatchObject({
      kind: 'not_found',
    });
  });
});
