import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InvitationsService } from '#libs/identity';
import { newId } from '#libs/kernel';
import { type OidcTestServer, startOidcServer } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';

const PUBLIC_URL = 'https://rookery.test';
const FRONT_END = 'https://app.example.com';
const BASE = '/api/v1/auth/oidc';
const PASSWORD = 'SecurePass123!';

let provider: OidcTestServer;
let api: ApiFixture;
beforeAll(async () => {
  provider = await startOidcServer(`${PUBLIC_URL}${BASE}/callback`);
  api = await startWith({});
}, 60_000);
afterAll(async () => {
  await api?.close();
  await provider?.close();
});

function startWith(security: { registration?: 'open' | 'invite' | 'closed' }, issuer = provider.issuer) {
  const { clientId, clientSecret } = provider;
  return startApi({
    http: { publicUrl: PUBLIC_URL, corsOrigins: [FRONT_END] },
    oidc: { issuer, clientId, clientSecret, scopes: 'openid email profile' },
    security,
  });
}

interface LoggedIn {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly user_id: string;
  readonly email: string;
  readonly workspace_id: string;
}

/** Somebody new at the provider. */
function somebody(more: { email?: string; email_verified?: boolean; name?: string } = {}) {
  const sub = newId();
  const person = { sub, email: `${sub}@example.com`, email_verified: true, name: 'Ann Other', ...more };
  provider.know(person);
  return person;
}

interface Begun {
  readonly location: string;
  readonly cookie: string;
}

async function begin(query: Record<string, string> = {}, at = api): Promise<Begun> {
  const answer = await at.open('GET', `${BASE}/login?${new URLSearchParams(query).toString()}`);
  expect(answer.status).toBe(302);
  const [cookie = ''] = answer.headers.getSetCookie();
  expect(cookie).toMatch(/; HttpOnly; SameSite=Lax; Secure$/);
  return { location: answer.headers.get('location') ?? '', cookie: cookie.split(';')[0] ?? '' };
}

const comeBack = (address: string, cookie: string, at = api): Promise<ApiAnswer> =>
  at.request('GET', address.replace(PUBLIC_URL, ''), { headers: { cookie } });

/** Begins, goes through the provider's pages, and comes back. */
async function signIn(sub: string, query: Record<string, string> = {}, at = api): Promise<ApiAnswer> {
  const { location, cookie } = await begin(query, at);
  return comeBack(await provider.visit(location, sub), cookie, at);
}

const me = async (token: string): Promise<ApiAnswer> => api.request('GET', '/api/v1/auth/me', { token });
const refused = (status: number, detail: unknown) => ({ status, body: expect.objectContaining({ detail }) });
const register = (email: string) =>
  api.request('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, name: 'Ann' } });
const login = (email: string) => api.request('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } });

describe('signing in with an OpenID Connect provider', () => {
  it('says where it begins', async () => {
    const { body } = await api.request('GET', BASE);
    expect(body).toEqual({ enabled: true, login_url: `${PUBLIC_URL}${BASE}/login` });
  });

  it('goes to the provider with PKCE, state and nonce, and keeps their secrets from it', async () => {
    const { location, cookie } = await begin();
    const query = Object.fromEntries(new URL(location).searchParams);
    expect(query).toMatchObject({
      client_id: provider.clientId,
      redirect_uri: `${PUBLIC_URL}${BASE}/callback`,
      code_challenge_method: 'S256',
      response_type: 'code',
    });
    expect(query).toMatchObject({ state: expect.any(String), nonce: expect.any(String) });
    const sealed = JSON.parse(Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString()) as { verifier: string };
    expect(location).not.toContain(sealed.verifier);
  });

  it('makes an account and a workspace the first time, and finds them the next', async () => {
    const person = somebody();
    const first = await signIn(person.sub);
    expect(first).toMatchObject({
      status: 200,
      body: { email: person.email, full_name: 'Ann Other', token_type: 'bearer' },
    });
    const { access_token: token, user_id: userId, workspace_id: orgId } = first.body as LoggedIn;
    expect((await me(token)).body).toMatchObject({ id: userId, email: person.email });
    provider.know({ ...person, email: `moved-${person.email}` });
    expect((await signIn(person.sub)).body).toMatchObject({ user_id: userId, workspace_id: orgId });
  });

  it('goes back to the page it came from with a code that is good once', async () => {
    const { sub, email } = somebody();
    const { location, cookie } = await begin({ return_to: `${FRONT_END}/signed-in?tab=1` });
    const back = await api
      .open('GET', (await provider.visit(location, sub)).replace(PUBLIC_URL, ''), {
        headers: { cookie },
      })
      .then((answer) => new URL(answer.headers.get('location') ?? ''));
    expect(back.href).toMatch(`${FRONT_END}/signed-in?tab=1&code=`);
    const code = back.searchParams.get('code');
    const trade = () => api.request('POST', `${BASE}/token`, { body: { code } });
    expect(await trade()).toMatchObject({ status: 200, body: { email } });
    expect(await trade()).toMatchObject(refused(401, expect.stringContaining('used')));
  });

  it('tells the page what went wrong', async () => {
    const { location, cookie } = await begin({ return_to: FRONT_END });
    const answer = await api.open('GET', (await provider.leave(location)).replace(PUBLIC_URL, ''), {
      headers: { cookie },
    });
    const back = new URL(answer.headers.get('location') ?? '');
    expect([back.origin, back.searchParams.get('error')]).toEqual([FRONT_END, 'access_denied']);
  });

  it('sends nobody to a foreign page', async () => {
    for (const address of ['https://evil.example.com', `${FRONT_END}.evil.example.com`, 'javascript:alert(1)', '/x']) {
      const answer = await api.request(
        'GET',
        `${BASE}/login?${new URLSearchParams({ return_to: address }).toString()}`,
      );
      expect([answer.status, answer.headers.get('location')]).toEqual([422, null]);
    }
  });

  it('ends nothing that another browser began, that is over, or that was changed', async () => {
    const { sub, email } = somebody();
    const [mine, other] = [await begin(), await begin()];
    const back = await provider.visit(mine.location, sub);
    expect(await comeBack(back, '')).toMatchObject({ status: 422 });
    expect(await comeBack(back, `${mine.cookie}x`)).toMatchObject({ status: 422 });
    expect(await comeBack(back, other.cookie)).toMatchObject({ status: 401 });
    expect((await comeBack(back, mine.cookie)).status).toBe(200);
    expect((await comeBack(back, mine.cookie)).status).toBe(401);
    expect((await api.db.database.query('SELECT 1 FROM users WHERE email = $1', [email])).length).toBe(1);
  });

  it('takes no address that the provider has not verified', async () => {
    const { sub, email } = somebody({ email_verified: false });
    await register(email);
    expect(await signIn(sub)).toMatchObject(refused(403, expect.stringContaining('verified')));
    expect((await login(email)).status).toBe(200);
  });

  it('links the account of the address, and takes it from whoever registered it without proof', async () => {
    const { sub, email } = somebody();
    await register(email);
    const squatter = (await login(email)).body as LoggedIn;
    const key = await api.apiKey({ orgId: squatter.workspace_id, userId: squatter.user_id });
    const owner = (await signIn(sub)).body as LoggedIn;
    expect(owner.user_id).toBe(squatter.user_id);
    expect((await me(owner.access_token)).status).toBe(200);
    expect((await me(squatter.access_token)).status).toBe(401);
    expect((await login(email)).status).toBe(401);
    expect((await api.request('GET', '/v1/agents', { apiKey: key })).status).toBe(401);
  });

  it('is one account for somebody who comes twice at once', async () => {
    const { sub } = somebody();
    const answers = await Promise.all([signIn(sub), signIn(sub), signIn(sub)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => (body as LoggedIn).user_id)).size).toBe(1);
  });

  it('is kept in the audit log', async () => {
    const { body } = await signIn(somebody().sub);
    const { user_id: userId, workspace_id: orgId } = body as LoggedIn;
    const rows = await api.db.database.query(
      `SELECT action, type FROM audit_events WHERE org_id = $1 AND subject = $2 ORDER BY id`,
      [orgId, `user:${userId}`],
    );
    expect(rows).toEqual([
      { action: 'identity.prove', type: 'AUTHENTICATION_SUCCESS' },
      { action: 'session.open', type: 'AUTHENTICATION_SUCCESS' },
    ]);
  });
});

describe('where accounts come by invite', () => {
  let closed: ApiFixture;
  beforeAll(async () => {
    closed = await startWith({ registration: 'invite' });
  }, 60_000);
  afterAll(() => closed?.close());

  it('nobody new gets in without one for their address', async () => {
    const { sub } = somebody();
    expect(await signIn(sub, {}, closed)).toMatchObject(refused(403, expect.stringContaining('invite')));
    expect(await signIn(sub, { invite_token: 'x' }, closed)).toMatchObject({ status: 403 });
  });

  it('an invite leads into its workspace', async () => {
    const { sub, email } = somebody();
    const host = await closed.organisation();
    const invited = await closed.app
      .get(InvitationsService)
      .invite(host.caller, { email, name: 'Ann', role: 'MEMBER' });
    const answer = await signIn(sub, { invite_token: invited.token }, closed);
    expect(answer).toMatchObject({ status: 200, body: { workspace_id: host.orgId, email } });
  });
});

describe('a provider that is not there', () => {
  it('does not keep Rookery from starting, and is said to be away', async () => {
    const alone = await startWith({}, 'http://127.0.0.1:9');
    const answer = await alone.request('GET', `${BASE}/login`);
    expect(answer).toMatchObject(refused(503, expect.stringContaining('identity provider')));
    expect(answer.headers.get('retry-after')).toBe('5');
    await alone.close();
  });

  it('is 404 where none is configured', async () => {
    const plain = await startApi();
    expect((await plain.request('GET', BASE)).body).toEqual({ enabled: false, login_url: null });
    expect((await plain.request('GET', `${BASE}/login`)).status).toBe(404);
    await plain.close();
  });
});
