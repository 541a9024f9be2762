import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type CutLine, cutLine } from '../../../testing/cut-line.js';

const PASSWORD = 'SecurePass123!';
const AUTH_LIMIT = 200;

let api: ApiFixture;
beforeAll(async () => {
  api = await startApi({ limits: { authPerMinute: AUTH_LIMIT, ratePerMinute: 10_000 } });
}, 60_000);
afterAll(() => api.close());

const auth = (path: string, body?: unknown, token?: string): Promise<ApiAnswer> =>
  api.request('POST', `/api/v1/auth/${path}`, { body, ...(token === undefined ? {} : { token }) });
const someEmail = (): string => `${newId()}@example.com`;

interface LoggedIn {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly user_id: string;
  readonly workspace_id: string;
}

async function newUser(email = someEmail()): Promise<LoggedIn & { email: string }> {
  await auth('register', { email, password: PASSWORD, full_name: 'Dev User' });
  const { body } = await auth('login', { email, password: PASSWORD });
  return { ...(body as LoggedIn), email };
}

const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
const requestId = { request_id: id };
const text = expect.any(String);

/** A refusal has its status, FastAPI's envelope and nothing else. */
function expectDetail(answer: ApiAnswer, status: number, detail: unknown): void {
  expect([answer.status, answer.body]).toEqual([status, { detail, ...requestId }]);
}

describe('POST /auth/register', () => {
  it("works as the document's quick start writes it", async () => {
    const email = someEmail();
    const body = { email, password: PASSWORD, name: 'Dev User', workspace_id: 'your-workspace-id' };
    const answer = await auth('register', body);
    expect([answer.status, answer.body]).toEqual([
      200,
      { user_id: id, email, full_name: 'Dev User', workspace_id: id, message: text },
    ]);
  });

  it.each([
    ['no body', {}, ['email', 'missing'], ['password', 'missing'], ['full_name', 'missing']],
    ['a bad address', { email: 'x', password: PASSWORD, name: 'D' }, ['email', 'value_error']],
    ['a short password', { email: 'a@b.co', password: 'Ab1', name: 'D' }, ['password', 'value_error']],
    ['a weak password', { email: 'a@b.co', password: 'alllowercase', name: 'D' }, ['password', 'value_error']],
    ['a blank name', { email: 'a@b.co', password: PASSWORD, name: '  ' }, ['name', 'string_too_short']],
  ] as [string, object, ...[string, string][]][])('refuses %s field by field', async (_what, body, ...issues) => {
    const { status, body: answer } = await auth('register', body);
    const { detail } = answer as { detail: { loc: string[]; type: string }[] };
    expect([status, detail.map(({ loc, type }) => [loc, type])]).toEqual([
      422,
      issues.map(([field, type]) => [['body', field], type]),
    ]);
  });

  it('refuses an address that is taken', async () => {
    const { email } = await newUser();
    expectDetail(await auth('register', { email, password: PASSWORD, name: 'D' }), 400, 'Email already registered');
  });

  it('refuses an existing workspace without an invite', async () => {
    const { workspace_id } = await newUser();
    const body = { email: someEmail(), password: PASSWORD, name: 'D', workspace_id };
    expectDetail(await auth('register', body), 403, text);
  });
});

describe('POST /auth/login', () => {
  it('gives tokens and the user', async () => {
    const { email } = await newUser();
    const { status, body } = await auth('login', { email, password: PASSWORD });
    expect([status, body]).toEqual([
      200,
      {
        access_token: text,
        refresh_token: text,
        token_type: 'bearer',
        expires_in: 1800,
        user_id: id,
        email,
        full_name: 'Dev User',
        workspace_id: id,
      },
    ]);
  });

  it('says the same for a wrong password and an unknown user', async () => {
    const { email } = await newUser();
    for (const body of [
      { email, password: 'WrongPass1' },
      { email: someEmail(), password: PASSWORD },
    ]) {
      const answer = await auth('login', body);
      expectDetail(answer, 401, 'Incorrect email or password');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('refuses an inactive user', async () => {
    const { email, user_id } = await newUser();
    await api.db.database.query('UPDATE users SET is_active = false WHERE id = $1', [user_id]);
    expectDetail(await auth('login', { email, password: PASSWORD }), 403, text);
  });

  it('answers the sixth failure in a minute with 429, and others still get in', async () => {
    const { email } = await newUser();
    const other = await newUser();
    const failures = [];
    for (let n = 0; n < 6; n += 1) failures.push(await auth('login', { email, password: 'WrongPass1' }));
    expect(failures.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(failures[5]?.body).toEqual({
      error: 'rate_limit_exceeded',
      message: text,
      limit: 5,
      retry_after_seconds: expect.any(Number),
    });
    expect(Number(failures[5]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await auth('login', { email: other.email, password: PASSWORD })).status).toBe(200);
  });
});

describe('GET /auth/me', () => {
  const me = (options: Parameters<ApiFixture['request']>[2] = {}): Promise<ApiAnswer> =>
    api.request('GET', '/api/v1/auth/me', options);

  it('shows the user', async () => {
    const { access_token: token, email, user_id, workspace_id } = await newUser();
    expect((await me({ token })).body).toEqual({
      id: user_id,
      email,
      full_name: 'Dev User',
      workspace_id,
      is_active: true,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  it('shows the maker of an API key', async () => {
    const { apiKey, userId, orgId } = await api.organisation();
    expect((await me({ apiKey })).body).toMatchObject({ id: userId, workspace_id: orgId });
  });

  it.each([
    ['no token', {}],
    ['a malformed token', { token: 'nonsense' }],
    ['another scheme', { headers: { authorization: 'Token abc' } }],
    ['an empty header', { headers: { authorization: '' } }],
  ])('refuses %s', async (_what, options) => {
    const answer = await me(options);
    expectDetail(answer, 401, text);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('x-ratelimit-limit')).toBe('10000');
  });

  it('refuses a refresh token and the token of a deleted user', async () => {
    const { access_token: token, refresh_token, user_id } = await newUser();
    expect((await me({ token: refresh_token })).status).toBe(401);
    await api.db.database.query('DELETE FROM users WHERE id = $1', [user_id]);
    expect((await me({ token })).status).toBe(401);
  });

  it('says that an inactive user is inactive', async () => {
    const { access_token: token, user_id } = await newUser();
    await api.db.database.query('UPDATE users SET is_active = false WHERE id = $1', [user_id]);
    expectDetail(await me({ token }), 403, text);
  });
});

describe('POST /auth/refresh', () => {
  it('takes the token from the header or the body and rotates it', async () => {
    const { refresh_token } = await newUser();
    const first = await auth('refresh', undefined, refresh_token);
    expect([first.status, first.body]).toEqual([
      200,
      { access_token: text, refresh_token: text, token_type: 'bearer', expires_in: 1800 },
    ]);
    const { refresh_token: next } = first.body as LoggedIn;
    expect(next).not.toBe(refresh_token);
    const second = await auth('refresh', { refresh_token: next });
    expect(second.status).toBe(200);
    const { access_token: token } = second.body as LoggedIn;
    expect((await api.request('GET', '/api/v1/auth/me', { token })).status).toBe(200);
  });

  it('refuses an access token, nonsense and nothing', async () => {
    const { access_token } = await newUser();
    for (const answer of [
      await auth('refresh', undefined, access_token),
      await auth('refresh', { refresh_token: 'nonsense' }),
      await auth('refresh', {}),
    ]) {
      expectDetail(answer, 401, 'Invalid or expired refresh token');
    }
  });
});

describe('POST /auth/logout', () => {
  it('ends access and refresh', async () => {
    const { access_token: token, refresh_token, user_id } = await newUser();
    const answer = await auth('logout', undefined, token);
    expect([answer.status, answer.body]).toEqual([200, { message: text, user_id }]);
    expect((await auth('logout', undefined, token)).status).toBe(401);
    expect((await auth('refresh', { refresh_token })).status).toBe(401);
  });
});

describe('POST /auth/change-password', () => {
  const change = (token: string, current_password: string, new_password: string): Promise<ApiAnswer> =>
    auth('change-password', { current_password, new_password }, token);

  it('changes it', async () => {
    const { access_token: token, email } = await newUser();
    const answer = await change(token, PASSWORD, 'NewerPass456!');
    expect([answer.status, answer.body]).toEqual([200, { message: text }]);
    expect((await auth('login', { email, password: 'NewerPass456!' })).status).toBe(200);
  });

  it('refuses a wrong current password, a weak new one, and nobody', async () => {
    const { access_token: token, email } = await newUser();
    expectDetail(await change(token, 'WrongPass1', 'NewerPass456!'), 400, 'Current password is incorrect');
    const weak = await change(token, PASSWORD, 'weak');
    expectDetail(weak, 422, [{ loc: ['body', 'new_password'], msg: text, type: 'value_error' }]);
    expect((await auth('change-password', {})).status).toBe(401);
    expect((await auth('login', { email, password: PASSWORD })).status).toBe(200);
  });
});

describe('/auth/api-keys', () => {
  const path = '/api/v1/auth/api-keys';

  it('makes a key that works, shows it once, and revokes it', async () => {
    const { access_token: token, user_id } = await newUser();
    const made = await api.request('POST', path, { token, body: { name: ' ci ', scopes: ['agents:read', 'chat'] } });
    const shown = {
      id,
      name: 'ci',
      prefix: expect.stringMatching(/^ak_live_[0-9a-f]{8}$/),
      scopes: ['agents:read', 'chat'],
      created_by: user_id,
      created_at: text,
    };
    const secret = expect.stringMatching(/^ak_live_[0-9a-f]{32}$/);
    expect([made.status, made.body]).toEqual([201, { ...shown, last_used_at: null, key: secret }]);
    const { key, id: keyId } = made.body as { key: string; id: string };
    expect((await api.request('GET', '/api/v1/auth/me', { apiKey: key })).status).toBe(200);
    const list = await api.request('GET', path, { token });
    expect(list.body).toEqual({
      api_keys: [{ ...shown, last_used_at: expect.anything() }],
      total: 1,
      limit: 50,
      offset: 0,
    });
    expect(await api.request('DELETE', `${path}/${keyId}`, { token })).toMatchObject({ status: 204, body: undefined });
    expect((await api.request('GET', '/api/v1/auth/me', { apiKey: key })).status).toBe(401);
    expectDetail(await api.request('DELETE', `${path}/${keyId}`, { token }), 404, 'API key not found');
  });

  it('makes one key for one Idempotency-Key, and never stores its secret', async () => {
    const { access_token: token } = await newUser();
    const key = newId();
    const ask = (body: object = { name: 'ci', scopes: ['chat'] }) =>
      api.request('POST', path, { token, body, headers: { 'idempotency-key': key } });
    const answers = await Promise.all([ask(), ask(), ask()]);
    const [made] = answers.filter(({ status }) => status === 201);
    const { id: keyId, key: secret } = made?.body as { id: string; key: string };
    const refused = [...answers.filter((answer) => answer !== made), await ask()];
    expect(refused).toHaveLength(3);
    for (const answer of refused) expectDetail(answer, 409, expect.stringContaining(keyId));
    expect((await api.request('GET', path, { token })).body).toMatchObject({ total: 1 });
    expectDetail(await ask({ name: 'other', scopes: ['chat'] }), 422, text);

    const stored = await api.db.database.query<{ row: string }>(
      'SELECT i::text AS row FROM idempotency_keys i WHERE key = $1',
      [key],
    );
    expect(stored).toHaveLength(1);
    expect(stored[0]?.row).not.toContain(secret.slice('ak_live_'.length + 8));
    // as if the process had died after its commit, before it noted the answer
    await api.db.database.query(
      `UPDATE idempotency_keys SET status = 'pending', response_status = NULL, instance_id = $2 WHERE key = $1`,
      [key, newId()],
    );
    expectDetail(await ask(), 409, expect.stringContaining(keyId));
    expect((await api.request('GET', path, { token })).body).toMatchObject({ total: 1 });
    expect((await api.request('GET', '/api/v1/auth/me', { apiKey: secret })).status).toBe(200);
  });

  it.each([
    ['GET', path],
    ['POST', path],
    ['DELETE', `${path}/${newId()}`],
  ])('is for users only: %s', async (method, at) => {
    const { apiKey } = await api.organisation();
    const body = method === 'POST' ? { name: 'x', scopes: ['chat'] } : undefined;
    expectDetail(await api.request(method, at, { apiKey, body }), 403, text);
  });

  it.each([
    ['no scopes', { name: 'x', scopes: [] }],
    ['an unknown scope', { name: 'x', scopes: ['everything'] }],
    ['no name', { scopes: ['chat'] }],
    ['a list for a name', { name: ['x'], scopes: ['chat'] }],
  ])('refuses %s', async (_what, body) => {
    const { access_token: token } = await newUser();
    expect((await api.request('POST', path, { token, body })).status).toBe(422);
  });

  it('pages, within bounds', async () => {
    const { access_token: token } = await newUser();
    for (const name of ['a', 'b', 'c']) await api.request('POST', path, { token, body: { name, scopes: ['chat'] } });
    const { body } = await api.request('GET', `${path}?limit=1&offset=1`, { token });
    expect(body).toMatchObject({ api_keys: [{ name: 'b' }], total: 3, limit: 1, offset: 1 });
    for (const query of ['limit=0', 'limit=201', 'offset=-1', 'limit=x']) {
      expect((await api.request('GET', `${path}?${query}`, { token })).status).toBe(422);
    }
  });

  it("leaves another organisation's keys alone", async () => {
    const [mine, theirs] = [await newUser(), await newUser()];
    const made = await api.request('POST', path, { token: theirs.access_token, body: { name: 'x', scopes: ['chat'] } });
    const { id: keyId, key } = made.body as { id: string; key: string };
    expect((await api.request('DELETE', `${path}/${keyId}`, { token: mine.access_token })).status).toBe(404);
    expect((await api.request('GET', '/api/v1/auth/me', { apiKey: key })).status).toBe(200);
  });
});

describe('while Postgres is away', () => {
  let line: CutLine;
  let cut: ApiFixture | undefined;
  beforeAll(async () => {
    line = await cutLine(api.db.url);
    cut = await startApi({ databaseUrl: line.url });
  }, 60_000);
  afterAll(async () => {
    line.mend();
    await cut?.close();
    await line.close();
  });

  it('says 503 and when to try again, then recovers by itself', async () => {
    const { access_token: token } = await newUser();
    const ask = (): Promise<ApiAnswer | undefined> =>
      Promise.resolve(cut?.request('GET', '/api/v1/auth/me', { token }));
    expect((await ask())?.status).toBe(200);
    line.cut();
    const answer = await ask();
    if (!answer) throw new Error('the API did not start');
    expectDetail(answer, 503, text);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
    line.mend();
    expect((await ask())?.status).toBe(200);
  });
});

describe('the doors together', () => {
  it('take no more calls a minute from one address than allowed', async () => {
    const answers = await Promise.all(
      Array.from({ length: AUTH_LIMIT + 1 }, () => auth('refresh', { refresh_token: 'nonsense' })),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    const [refused] = answers.filter(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({ error: 'rate_limit_exceeded', limit: AUTH_LIMIT });
    expect(refused?.headers.get('x-ratelimit-limit')).toBe(String(AUTH_LIMIT));
  });
});
