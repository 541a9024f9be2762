import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type AgentTools, type ToolBuild, type ToolRequest, toolsDigest } from '#libs/containers';
import { Notices } from '#libs/events';
import { DomainError } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { memberToken, ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type SkillHost, startSkillHost } from '../../../testing/skill-host.js';

const text = expect.any(String);
const count = expect.any(Number);
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);

/** Has registries for npm and Go. What an installer does, a test says. */
class PlayedTools implements AgentTools {
  readonly methods = ['npm', 'go'] as const;
  readonly built: ToolRequest[] = [];
  install: (options: ToolBuild) => Promise<void> = () => Promise.resolve();

  async build(request: ToolRequest, options: ToolBuild): Promise<string> {
    options.log(`installing ${[...request.npm, ...request.go].join()}`);
    await this.install(options);
    this.built.push(request);
    return toolsDigest(request);
  }

  present(digests: readonly string[]): Promise<string[]> {
    const built = new Set(this.built.map(toolsDigest));
    return Promise.resolve(digests.filter((digest) => built.has(digest)));
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }
}

const tools = new PlayedTools();
let api: ApiFixture;
let host: SkillHost;
let org: ApiOrganisation;
let token: string;

beforeAll(async () => {
  api = await startApi();
  host = await startSkillHost(api, {}, tools);
  org = await api.organisation();
  token = await ownerToken(api, org);
  await api.request('POST', '/v1/skills', {
    apiKey: org.apiKey,
    body: { files: { 'SKILL.md': '---\nname: our-style\ndescription: How we write.\n---\n\nBriefly.' } },
  });
}, 60_000);
afterEach(() => {
  tools.install = () => Promise.resolve();
  host.pause(false);
});
afterAll(async () => {
  await host?.close();
  await api?.close();
});

const call = (method: string, path: string, body?: unknown, as = token): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/skills${path}`, { token: as, ...(body === undefined ? {} : { body }) });

async function refused(answer: Promise<ApiAnswer>, status: number, detail: unknown = text): Promise<void> {
  const { status: given, body } = await answer;
  expect([given, body]).toEqual([status, { detail, request_id: uuid }]);
}
const organisationTools = (): Promise<unknown[]> =>
  api.db.database.query('SELECT name, digest FROM org_tools WHERE org_id = $1 ORDER BY name', [org.orgId]);
const bodyOf = async <T>(answer: Promise<ApiAnswer>): Promise<T> => {
  const { status, body } = await answer;
  expect(status).toBe(200);
  return body as T;
};
const statusOf = (name: string): Promise<Record<string, unknown>> =>
  bodyOf(call('GET', `/${name}/installation-status`));

describe('GET /skills', () => {
  interface Listed {
    skills: { name: string; type: string; eligible: boolean }[];
    [count: string]: unknown;
  }

  it('lists tools and skills with what is ready', async () => {
    const listed = await bodyOf<Listed>(call('GET', ''));
    const { skills, ...counts } = listed;
    expect(counts).toEqual({
      ...{ total: count, ready: count, cli_total: count, cli_ready: 0, project_total: count, project_ready: count },
    });
    expect(counts.total).toBe(skills.length);
    expect(counts.cli_total).toBeGreaterThanOrEqual(27);
    expect(skills.find(({ name }) => name === 'prettier')).toEqual({
      ...{ name: 'prettier', description: text, type: 'cli', eligible: false, package: 'prettier', source: 'registry' },
      ...{ method: 'npm', docs: expect.stringMatching(/^https:/), version: null, bins: ['prettier'] },
    });
    expect(skills.find(({ name }) => name === 'our-style')).toEqual({
      ...{ name: 'our-style', description: 'How we write.', type: 'project', eligible: true, package: null },
      ...{ source: 'custom', method: null, docs: null, version: text, bins: [] },
    });
  });

  it.each(['cli', 'project'])('lists those of the type %s alone', async (type) => {
    const listed = await bodyOf<Listed>(call('GET', `?skill_type=${type}`));
    expect(new Set(listed.skills.map((skill) => skill.type))).toEqual(new Set([type]));
    expect(listed).toMatchObject({ total: listed[`${type}_total`], ready: listed[`${type}_ready`] });
  });

  it('refuses other types', async () => {
    const { status, body } = await call('GET', '?skill_type=x');
    expect([status, body]).toEqual([
      422,
      { detail: [{ loc: ['query', 'skill_type'], msg: text, type: text }], request_id: uuid },
    ]);
  });

  it('divides into ready and missing, as bare lists', async () => {
    const ready = await bodyOf<Listed['skills']>(call('GET', '/ready'));
    const missing = await bodyOf<Listed['skills']>(call('GET', '/missing'));
    expect([...new Set(ready.map(({ eligible }) => eligible))]).toEqual([true]);
    expect([...new Set(missing.map(({ eligible }) => eligible))]).toEqual([false]);
    expect(ready.map(({ name }) => name)).toContain('our-style');
    expect(missing.map(({ name }) => name)).toContain('prettier');
  });

  it('counts a program that the host has without an installation as ready', async () => {
    host.runtime.path = { dot: '/usr/bin/dot' };
    await host.report();
    expect(await bodyOf(call('GET', '/graphviz'))).toMatchObject({ method: 'manual', eligible: true });
    expect(await statusOf('graphviz')).toMatchObject({ is_installed: true, binary_path: '/usr/bin/dot' });
    host.runtime.path = {};
    await host.report();
    expect(await bodyOf(call('GET', '/graphviz'))).toMatchObject({ eligible: false });
  });
});

describe('GET /skills/installable and install-info', () => {
  it('show the registry with how each tool is installed', async () => {
    interface Installable {
      skills: { skill_name: string; method: string; installable: boolean }[];
      [count: string]: unknown;
    }
    const { skills, ...counts } = await bodyOf<Installable>(call('GET', '/installable'));
    const installable = skills.filter((skill) => skill.installable).length;
    expect(counts).toEqual({
      ...{ total: skills.length, auto_installable: installable, manual: skills.length - installable },
    });
    expect(new Set(skills.map(({ method }) => method))).toEqual(new Set(['npm', 'pip', 'go', 'manual']));
    expect(skills.find(({ skill_name: name }) => name === 'ruff')).toMatchObject({ method: 'pip', installable: false });
    const one = {
      ...{ skill_name: 'gron', method: 'go', package: expect.stringMatching(/gron@v/), description: text },
      ...{ installable: true, docs: expect.stringMatching(/^https:/), requirements: [text] },
    };
    expect(skills.find(({ skill_name: name }) => name === 'gron')).toEqual(one);
    expect(await bodyOf(call('GET', '/gron/install-info'))).toEqual(one);
  });
});

describe('POST /skills/{name}/install', () => {
  it('answers when the host has installed it, and agents find it', async () => {
    expect(await bodyOf(call('POST', '/prettier/install'))).toEqual({
      ...{ success: true, message: 'prettier is installed', logs: ['installing prettier'] },
      ...{ method: 'npm', package: 'prettier' },
    });
    expect(await bodyOf(call('GET', '/prettier'))).toMatchObject({ eligible: true });
    expect(await statusOf('prettier')).toEqual({
      ...{ skill_name: 'prettier', is_installed: true, method: 'npm', package: 'prettier', docs: text },
      binary_path: expect.stringMatching(/^\/tools\/[0-9a-f]{32}\/bin\/prettier$/),
      last_installation: {
        ...{ id: expect.stringMatching(/^ti_/), action: 'install', state: 'done', logs: ['installing prettier'] },
        ...{ error: null, created_at: iso, finished_at: iso },
      },
    });
    const stranger = await ownerToken(api, await api.organisation());
    expect(await bodyOf(call('GET', '/prettier', undefined, stranger))).toMatchObject({ eligible: false });
  });

  it('does nothing again, unless forced', async () => {
    await call('POST', '/svgo/install', {});
    const before = tools.built.length;
    const again = await bodyOf(call('POST', '/svgo/install', { force: false, timeout: 30 }));
    expect(again).toMatchObject({ success: true, logs: [], message: 'svgo is installed already' });
    expect(tools.built).toHaveLength(before);
    const [former] = tools.built.slice(-1);
    expect(await bodyOf(call('POST', '/svgo/install', { force: true }))).toMatchObject({ logs: ['installing svgo'] });
    expect(toolsDigest(tools.built.at(-1)!)).not.toBe(toolsDigest(former!));
  });

  it('is the same work for all who ask meanwhile, and shows what is printed as events', async () => {
    host.pause(true);
    const before = tools.built.length;
    tools.install = async ({ log }) => {
      for (let line = 1; line <= 150; line += 1) log(`line ${line}\0`);
    };
    const waiting = jest.spyOn(api.app.get(Notices), 'until');
    const both = [call('POST', '/eslint/install'), call('POST', '/eslint/install')];
    await eventually(() => waiting.mock.calls.length === both.length);
    expect(new Set(waiting.mock.calls.map(([, id]) => id)).size).toBe(1);
    waiting.mockRestore();
    const stream = await api.open('GET', '/api/v1/skills/eslint/install/events', { token });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    host.pause(false);
    const [first, second] = await Promise.all(both);
    expect([first, second].map((answer) => answer?.status)).toEqual([200, 200]);
    const { logs } = first?.body as { logs: string[] };
    expect([logs.length, logs.at(-1)]).toEqual([100, 'line 150\uFFFD']);
    expect(tools.built).toHaveLength(before + 1);
    const frames = (await stream.text()).split('\n\n').filter((frame) => !frame.startsWith(':') && frame !== '');
    expect(frames.at(-1)).toBe('event: end\ndata: {"state":"done","error":null}');
    expect(frames.at(-2)).toMatch(/^id: ti_[0-9a-f]+\.151\nevent: log\ndata: \{"line":"line 150/);
    const id = /^id: (\S+)\.151/.exec(frames.at(-2) ?? '')?.[1];
    const resumed = await api.open('GET', '/api/v1/skills/eslint/install/events', {
      token,
      headers: { 'last-event-id': `${id}.150` },
    });
    const rest = (await resumed.text()).split('\n\n').filter((frame) => /^(id|event)/.test(frame));
    expect(rest.map((frame) => frame.split('\n')[0])).toEqual([`id: ${id}.151`, 'event: end']);
  });

  it('is 500 with the last lines when the installer fails, and leaves nothing', async () => {
    const before = await organisationTools();
    tools.install = () =>
      Promise.reject(
        new DomainError('unprocessable', 'tools_failed', 'The tools were not installed\nnpm: no such package'),
      );
    await refused(call('POST', '/terser/install'), 500, expect.stringContaining('no such package'));
    expect(await statusOf('terser')).toMatchObject({
      ...{ is_installed: false, binary_path: null },
      last_installation: { state: 'failed', error: expect.stringContaining('no such package') },
    });
    expect(await organisationTools()).toEqual(before);
  });

  it('does not tell what went wrong inside', async () => {
    tools.install = () => Promise.reject(new Error('secret path /root'));
    await refused(call('POST', '/terser/install'), 500, expect.not.stringContaining('/root'));
  });

  it('goes on when whoever asked leaves', async () => {
    host.pause(true);
    const leaving = new AbortController();
    const asked = api.request('POST', '/api/v1/skills/write-good/install', { token, signal: leaving.signal });
    asked.catch(() => undefined);
    await eventually(async () => (await statusOf('write-good')).last_installation);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    host.pause(false);
    await eventually(async () => (await statusOf('write-good')).is_installed);
  });

  it('is 400 where people have to do it, with what to do', async () => {
    await refused(call('POST', '/ffmpeg/install'), 400, expect.stringMatching(/by hand.*https:/));
    await refused(
      call('POST', '/ruff/install'),
      400,
      expect.stringMatching(/registry for pip.*pip install ruff.*https:/),
    );
    expect(await statusOf('ffmpeg')).toMatchObject({
      ...{
        is_installed: false,
        method: 'manual',
        package: null,
        message: expect.stringContaining('https:'),
        docs: text,
      },
      last_installation: null,
    });
  });

  it.each([{ timeout: 29 }, { timeout: 601 }, { timeout: 'x' }, { force: 'yes' }])('refuses %j', async (body) => {
    const before = await organisationTools();
    const { status, body: answer } = await call('POST', '/marp/install', body);
    expect([status, answer]).toMatchObject([
      422,
      { detail: expect.arrayContaining([{ loc: ['body', Object.keys(body)[0]], msg: text, type: text }]) },
    ]);
    expect(await organisationTools()).toEqual(before);
    expect(await statusOf('marp')).toMatchObject({ last_installation: null });
  });

  it('is for admins', async () => {
    const member = await memberToken(api, org.orgId, 'MEMBER');
    await refused(call('POST', '/marp/install', {}, member), 403);
    await refused(call('DELETE', '/prettier/install', undefined, member), 403);
    await refused(api.request('POST', '/api/v1/skills/marp/install'), 401);
    expect(await statusOf('marp')).toMatchObject({ last_installation: null });
  });
});

describe('DELETE /skills/{name}/install', () => {
  it('takes a tool away', async () => {
    await call('POST', '/mapshaper/install');
    expect(await bodyOf(call('DELETE', '/mapshaper/install'))).toEqual({
      ...{ success: true, message: 'mapshaper is uninstalled', logs: [text], method: 'npm', package: 'mapshaper' },
    });
    expect(await statusOf('mapshaper')).toMatchObject({
      is_installed: false,
      last_installation: { action: 'uninstall' },
    });
    expect(await bodyOf(call('DELETE', '/mapshaper/install'))).toMatchObject({ success: true, logs: [] });
  });

  it('is 500 when it went wrong inside, and the tool stays', async () => {
    await call('POST', '/mapshaper/install');
    await api.db.database.query('ALTER TABLE org_tools RENAME COLUMN digest TO away');
    try {
      await refused(call('DELETE', '/mapshaper/install'), 500, expect.not.stringContaining('digest'));
    } finally {
      await api.db.database.query('ALTER TABLE org_tools RENAME COLUMN away TO digest');
    }
    expect(await statusOf('mapshaper')).toMatchObject({ is_installed: true });
    expect(await bodyOf(call('DELETE', '/mapshaper/install'))).toMatchObject({ success: true });
  });

  it('is 400 for what Go has installed and people have, but for force', async () => {
    expect(await bodyOf(call('DELETE', '/gron/install'))).toMatchObject({ success: true, method: 'go' });
    await call('POST', '/gron/install');
    await refused(call('DELETE', '/gron/install'), 400, expect.stringContaining('no uninstaller'));
    expect(await statusOf('gron')).toMatchObject({ is_installed: true });
    expect(await bodyOf(call('DELETE', '/gron/install?force=true'))).toMatchObject({ success: true });
    await refused(call('DELETE', '/ffmpeg/install'), 400, expect.stringContaining('by hand'));
  });
});

describe('what is not in the registry', () => {
  it.each([
    ['GET', '/nothing'],
    ['POST', '/nothing/install'],
    ['POST', '/our-style/install'],
    ['DELETE', '/nothing/install'],
    ['GET', '/nothing/install-info'],
    ['GET', '/nothing/installation-status'],
    ['GET', '/nothing/install/events'],
    ['GET', '/marp/install/events'],
    ['GET', '/__proto__'],
  ])('is 404: %s %s', async (method, path) => refused(call(method, path), 404));

  it('is as good as absent when it is a skill of others', async () => {
    const stranger = await ownerToken(api, await api.organisation());
    await refused(call('GET', '/our-style', undefined, stranger), 404);
    expect(await bodyOf(call('GET', '/our-style'))).toMatchObject({ type: 'project' });
  });
});
