import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type MailServer, eventually, mailServer } from '#libs/testing';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const WORKER = 'dist/apps/worker/src/main.js';
const FROM = 'Rookery <rookery@example.test>';
const PASSWORD = 'SecurePass123!';

let server: MailServer;
let api: ApiFixture;
let worker: ChildProcess;
let owner: ApiOrganisation;

beforeAll(async () => {
  server = await mailServer();
  api = await startApi({ mail: { smtpUrl: server.url, from: FROM } });
  owner = await api.organisation();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    ROLE: 'control',
    HOST_ID: 'mail-worker',
    DATABASE_URL: api.db.url,
    DATA_DIR: api.config.dataDir,
    JWT_SECRET: api.config.security.jwtSecret,
    MASTER_KEY: api.config.security.masterKey,
    PUBLIC_URL: api.url,
    SMTP_URL: server.url,
    MAIL_FROM: FROM,
  };
  worker = fork(WORKER, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  await once(worker, 'message');
}, 60_000);
afterAll(async () => {
  worker.kill('SIGTERM');
  await once(worker, 'exit');
  await api.close();
  await server.stop();
});

async function invite(email: string): Promise<void> {
  const body = { email, name: 'Ann <b>Bee</b>', role: 'MEMBER' };
  const token = await ownerToken(api, owner);
  const answer = await api.request('POST', '/api/v1/team/members/invite', { token, body });
  expect([answer.status, answer.body]).toMatchObject([
    201,
    { message: expect.stringContaining(email), member: { invite_mail: { status: 'queued', attempts: 0 } } },
  ]);
}

/** The address in the mail, opened as a browser does. */
async function linkTo(email: string, page: string): Promise<URL> {
  const mail = await eventually(() =>
    server.mails.filter((one) => one.text?.includes(`/${page}?`) && server.to(email)).at(-1),
  );
  const link = /https?:\/\/\S+/.exec(mail.text ?? '');
  return new URL(link?.[0] ?? '');
}
const post = (path: string, fields: Record<string, string>, origin = api.url): Promise<Response> =>
  fetch(api.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
    body: new URLSearchParams(fields).toString(),
    redirect: 'manual',
  });
const login = (email: string): Promise<{ status: number }> =>
  api.request('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } });

describe('an invite by mail', () => {
  it('opens a page whose form joins and sets a password', async () => {
    const email = 'ann@example.com';
    await invite(email);
    const link = await linkTo(email, 'join');
    expect(link.origin).toBe(api.url);
    const page = await fetch(link);
    const html = await page.text();
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("'none'"),
    ]);
    expect(html).toContain('Join Test organisation');
    expect(html).toContain('value="Ann Bee"');
    const token = link.searchParams.get('token') ?? '';
    expect((await post('/join', { token, password: PASSWORD }, 'https://evil.example')).status).toBe(403);
    const weak = await post('/join', { token, password: 'weak' });
    expect([weak.status, await weak.text()]).toEqual([422, expect.stringContaining('at least 8 characters')]);
    expect((await post('/join', { token, name: 'Ann', password: PASSWORD })).status).toBe(200);
    expect((await login(email)).status).toBe(200);
    expect((await post('/join', { token, password: PASSWORD })).status).toBe(409);
    expect((await fetch(link)).status).toBe(409);
  });

  it('leads who chose no password to the page that sets one', async () => {
    const email = 'bob@example.com';
    await invite(email);
    const token = (await linkTo(email, 'join')).searchParams.get('token') ?? '';
    const joined = await post('/join', { token, name: '', password: '' });
    expect(joined.status).toBe(303);
    const next = new URL(joined.headers.get('location') ?? '', api.url);
    expect([next.pathname, (await fetch(next)).status]).toEqual(['/password', 200]);
    const link = { token: next.searchParams.get('token') ?? '' };
    expect((await post('/password', { ...link, password: 'weak' })).status).toBe(422);
    expect((await post('/password', { ...link, password: PASSWORD })).status).toBe(200);
    expect((await login(email)).status).toBe(200);
    expect((await fetch(next)).status).toBe(422);
  });
});

describe('POST /team/members/{id}/resend-invite', () => {
  const again = async (id: string, by = owner) => {
    const token = await ownerToken(api, by);
    return api.request('POST', `/api/v1/team/members/${id}/resend-invite`, { token });
  };
  const idOf = async (email: string): Promise<string> => {
    const [row] = await api.db.database.query<{ id: string }>('SELECT id FROM invites WHERE email = $1', [email]);
    return row?.id ?? '';
  };
  const mailsTo = (email: string): number =>
    server.mails.filter((one) => JSON.stringify(one.to ?? '').includes(email)).length;

  it('mails an invite again, also one that expired, and lists it once', async () => {
    const email = 'cem@example.com';
    await invite(email);
    const id = await idOf(email);
    await api.db.database.query(`UPDATE invites SET expires_at = now() - interval '1 s' WHERE id = $1`, [id]);
    const before = mailsTo(email);
    const answer = await again(id);
    expect([answer.status, answer.body]).toMatchObject([
      200,
      {
        member: { id, email, status: 'PENDING', invite_mail: { status: 'queued' } },
        message: expect.stringContaining(email),
      },
    ]);
    await eventually(() => mailsTo(email) > before);
    const { invite_token: token } = answer.body as { invite_token: string };
    const accepted = await api.request('POST', `/api/v1/team/members/accept-invite/${token}`);
    expect([accepted.status, accepted.body]).toMatchObject([200, { email, status: 'ACTIVE' }]);
    expect((await again(id)).status).toBe(409);
  });

  it('voids the token answered before, and stops at five mails a day', async () => {
    const email = 'dana@example.com';
    await invite(email);
    const id = await idOf(email);
    const answers = [];
    for (let nr = 0; nr < 5; nr += 1) answers.push(await again(id));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
    const tokens = answers.slice(0, 4).map(({ body }) => (body as { invite_token: string }).invite_token);
    const statusOf = async (token = '') =>
      (await api.request('POST', `/api/v1/team/members/accept-invite/${token}`)).status;
    expect([await statusOf(tokens[0]), await statusOf(tokens[3])]).toEqual([400, 200]);
  });

  it('finds no invite of others, and none that was taken back', async () => {
    const email = 'eve@example.com';
    await invite(email);
    const id = await idOf(email);
    expect((await again(id, await api.organisation())).status).toBe(404);
    await api.request('DELETE', `/api/v1/team/members/${id}`, { token: await ownerToken(api, owner) });
    expect((await again(id)).status).toBe(404);
  });
});

describe('POST /auth/forgot-password', () => {
  it('says the same to everybody and mails a link to accounts', async () => {
    const email = `${owner.userId}@example.test`;
    const ask = (address: string): Promise<{ status: number; body: unknown }> =>
      api.request('POST', '/api/v1/auth/forgot-password', { body: { email: address } });
    const [known, unknown] = [await ask(email), await ask('stranger@example.com')];
    expect([known.status, known.body]).toEqual([200, { message: expect.any(String) }]);
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
    const token = (await linkTo(email, 'password')).searchParams.get('token');
    const set = { token, password: PASSWORD };
    expect((await api.request('POST', '/api/v1/auth/set-password', { body: set })).status).toBe(200);
    expect((await login(email)).status).toBe(200);
    expect((await api.request('POST', '/api/v1/auth/set-password', { body: set })).status).toBe(400);
    expect((await ask('nonsense')).status).toBe(422);
  });

  it('is unavailable without a mail server', async () => {
    const without = await startApi();
    const answer = await without.request('POST', '/api/v1/auth/forgot-password', { body: { email: 'a@example.com' } });
    expect([answer.status, answer.body]).toMatchObject([503, { detail: expect.any(String) }]);
    await without.close();
  });
});
