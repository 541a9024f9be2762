import { mkdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createFirstAdmin } from '#libs/identity';
import { newId } from '#libs/kernel';
import { QueueRegistry } from '#libs/queue';
import { describeIf, requireTool } from '#libs/testing';
import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';
import { type ApiFixture, startApi } from '../testing/api-fixture.js';

const PROGRAM = '/usr/bin/chromium';
const PICTURES = process.env.PICTURES;

describeIf(requireTool('chromium'), 'the queue board in a browser', () => {
  let api: ApiFixture;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let admin: { email: string; password: string };
  let jobId: string;
  const problems: string[] = [];

  beforeAll(async () => {
    api = await startApi();
    const made = await createFirstAdmin(api.db.database, { email: 'admin@example.test', organisation: 'House' });
    if (!made) throw new Error('There is an admin already');
    admin = made;
    await api.db.database.query(`INSERT INTO hosts (id, runtime, capacity_agents) VALUES ('host-1', 'process', 4)`);
    const queue = await api.app.get(QueueRegistry).queue('control');
    const job = await queue.add('agents.place', { agentId: newId() });
    jobId = String(job.id);
    browser = await chromium.launch({
      executablePath: PROGRAM,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'],
    });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await api?.close();
  });
  beforeEach(async () => {
    problems.length = 0;
    context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    page = await context.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(api.url) && !request.url().startsWith('data:')) problems.push(request.url());
    });
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });

  const picture = async (name: string): Promise<void> => {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };

  const signIn = async (email: string, password: string): Promise<void> => {
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  it('asks who is there, refuses a wrong password and keeps the address typed', async () => {
    await page.goto(`${api.url}/admin/queues`);
    expect(new URL(page.url()).pathname).toBe('/admin/login');
    await picture('login');
    await signIn(admin.email, 'not the password');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe('E-mail or password is wrong.');
    expect(await page.getByLabel('E-mail').inputValue()).toBe(admin.email);
    expect(await context.cookies()).toEqual([]);
    await picture('login-refused');
  });

  it('shows queues and a job to a platform admin, then lets go', async () => {
    await page.goto(`${api.url}/admin/queues/queue/control`);
    await signIn(admin.email, admin.password);
    await page.getByText('agents.place').first().waitFor();
    expect(new URL(page.url()).pathname).toBe('/admin/queues/queue/control');
    await page.getByText('host.host-1').first().waitFor();
    await picture('board-queue');
    await page.goto(`${api.url}/admin/queues`);
    await page.getByText('host.host-1').first().waitFor();
    await picture('board');

    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ path: '/admin', httpOnly: true, sameSite: 'Strict' });

    await page.goto(`${api.url}/admin/logout`);
    await picture('logout');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail').waitFor();
    const after = await api.request('GET', '/admin/queues/api/queues', {
      headers: { cookie: `rookery_admin=${cookie?.value}` },
    });
    expect(after.status).toBe(401);
  });

  it('acts on a job from its own page only', async () => {
    await page.goto(`${api.url}/admin/queues`);
    await signIn(admin.email, admin.password);
    await page.getByText('host.host-1').first().waitFor();
    const [cookie] = await context.cookies();
    const act = async (origin?: string): Promise<number> => {
      const headers = { cookie: `rookery_admin=${cookie?.value}`, ...(origin === undefined ? {} : { origin }) };
      return (await api.request('PUT', `/admin/queues/api/queues/control/${jobId}/clean`, { headers })).status;
    };
    const queue = await api.app.get(QueueRegistry).queue('control');
    expect(await act('https://evil.example')).toBe(403);
    expect(await act()).toBe(403);
    expect(await queue.getJob(jobId)).toBeDefined();
    expect(await act(api.url)).toBe(204);
    expect(await queue.getJob(jobId)).toBeUndefined();
  });

  it('turns away a user who is no platform admin', async () => {
    const [email, password] = ['user@example.test', 'Corr3ct-horse'];
    const body = { email, password, name: 'User' };
    await api.request('POST', '/api/v1/auth/register', { body });
    await page.goto(`${api.url}/admin/login`);
    await signIn(email, password);
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('no platform admin');
    expect(await context.cookies()).toEqual([]);

    const login = await api.request('POST', '/api/v1/auth/login', { body });
    const { access_token: token } = login.body as { access_token: string };
    await context.addCookies([{ name: 'rookery_admin', value: token, url: `${api.url}/admin` }]);
    const answer = await page.goto(`${api.url}/admin/queues`);
    expect(answer?.status()).toBe(403);
    await picture('refused');
  });

  it('has a session that API surfaces ignore, and ignores theirs', async () => {
    await page.goto(`${api.url}/admin/login`);
    await signIn(admin.email, admin.password);
    await page.getByText('control').first().waitFor();
    const [cookie] = await context.cookies();
    const headers = { cookie: `rookery_admin=${cookie?.value}` };
    expect((await api.request('GET', '/v1/agents', { headers })).status).toBe(401);
    expect((await api.request('GET', '/api/v1/auth/me', { headers })).status).toBe(401);
    expect((await api.request('GET', '/admin/queues/api/queues', { token: cookie?.value ?? '' })).status).toBe(401);
    expect((await api.request('GET', '/admin/queues/api/queues', { headers })).status).toBe(200);
  });

  it('stands beside a start page and documents that need nothing from elsewhere', async () => {
    await page.goto(api.url);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await picture('index');
    for (const [surface, operation] of [
      ['agento', '/v1/agents/{id}/chat/messages'],
      ['agent402', '/api/v1/auth/login'],
    ] as const) {
      await page.goto(`${api.url}/docs/${surface}`);
      await page.getByText(operation, { exact: false }).first().waitFor();
      await picture(`docs-${surface}`);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(api.url);
    await picture('index-phone');
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
  });
});
