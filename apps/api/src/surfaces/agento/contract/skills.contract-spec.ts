import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { newId } from '#libs/kernel';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, type Data, type InsertedAgent, agentoClient, iso } from './agento-client.js';
import { type SkillHost, startSkillHost } from '../../../testing/skill-host.js';

const TABLES = ['skills', 'skill_contents', 'agent_skills', 'skill_installs', 'skill_placements', 'agents', 'events'];

let api: ApiFixture;
let host: SkillHost;
let client: AgentoClient;
let stranger: AgentoClient;

/** Its agents are on a host that installs skills. */
const newClient = async (): Promise<AgentoClient> => {
  const made = agentoClient(api, await api.organisation(), TABLES);
  return { ...made, insertAgent: (agent?: InsertedAgent) => made.insertAgent({ hostId: host.id, ...agent }) };
};
const skill = (name: string, version = '1.0.0', more: Record<string, string> = {}) => ({
  files: {
    'SKILL.md': `---\nname: ${name}\ndescription: How we write to ${name}.\nmetadata: {version: ${version}}\n---\n\nBriefly.`,
    ...more,
  },
});
const list = async (query: string, on = client): Promise<{ ids: unknown[]; pagination: unknown; data: Data[] }> => {
  const { status, body } = await on.call('GET', `/skills${query}`);
  expect(status).toBe(200);
  const { data, pagination } = body as { data: Data[]; pagination: unknown };
  return { ids: data.map(({ id }) => id), pagination, data };
};
const install = (agent: string, skillId: string, trustLevel: string, on = client) =>
  on.call('POST', `/agents/${agent}/skills`, { skillId, trustLevel });

beforeAll(async () => {
  api = await startApi();
  host = await startSkillHost(api);
  client = await newClient();
  stranger = await newClient();
});
afterAll(async () => {
  await host?.close();
  await api?.close();
});

describe('the catalogue', () => {
  it('lists skills with exactly the documented fields, 20 a page', async () => {
    const { data, pagination } = await list('');
    expect(data.length).toBeGreaterThanOrEqual(12);
    expect(pagination).toEqual({ total: data.length, limit: 20, offset: 0 });
    expect(data.find(({ id }) => id === 'csv-analysis')).toEqual({
      id: 'csv-analysis',
      name: 'CSV Analysis',
      description: expect.stringContaining('table'),
      author: 'rookery',
      category: 'data',
      installCount: 0,
      latestVersion: '1.0.0',
      securityScore: expect.any(Number),
    });
  });

  it('is read page by page without a repeat', async () => {
    const whole = await list('?pageSize=1000');
    const total = whole.ids.length;
    expect(whole.pagination).toEqual({ total, limit: 100, offset: 0 });
    const pages = await Promise.all([1, 2, 3].map((page) => list(`?pageSize=5&page=${page}`)));
    expect(pages.map(({ pagination }) => pagination)).toEqual(
      [0, 5, 10].map((offset) => ({ total, limit: 5, offset })),
    );
    expect(pages.flatMap(({ ids }) => ids)).toEqual(whole.ids.slice(0, 15));
    expect(await list('?page=99')).toEqual({ ids: [], data: [], pagination: { total, limit: 20, offset: 1960 } });
  });

  it('is searched in name, description and tags, by words and their beginnings', async () => {
    expect((await list('?search=csv')).ids).toEqual(['csv-analysis']);
    expect((await list('?search=POST-MORTEM')).ids).toEqual(['incident-report']);
    expect((await list('?search=localisation')).ids).toEqual(['translation']);
    expect((await list('?search=dead')).ids).toContain('date-math');
    expect((await list('?search=meeting%20notes')).ids[0]).toBe('meeting-notes');
    for (const nothing of ['zebra', '!!!', "'%20OR%20true%20--", '%00', ':*', '%25']) {
      expect((await list(`?search=${nothing}`)).pagination).toEqual({ total: 0, limit: 20, offset: 0 });
    }
    expect((await list('?search=')).ids.length).toBeGreaterThan(12);
  });

  it('is filtered by category', async () => {
    expect((await list('?category=engineering')).ids.sort()).toEqual(['code-review', 'incident-report']);
    expect((await list('?category=engineering&search=review')).ids).toEqual(['code-review']);
    expect((await list('?category=nothing')).ids).toEqual([]);
  });

  it.each(['page=0', 'page=x', 'page=1.5', 'pageSize=0', 'pageSize=-1', 'category=%00', `search=${'x'.repeat(201)}`])(
    'refuses ?%s',
    async (query) => {
      await client.refused(400, 'validation_error', ['GET', `/skills?${query}`]);
    },
  );

  it('shows one skill in detail', async () => {
    expect(await client.data('GET', '/skills/csv-analysis')).toEqual({
      id: 'csv-analysis',
      name: 'CSV Analysis',
      description: expect.any(String),
      enhancedDescription: expect.any(String),
      author: 'rookery',
      category: 'data',
      tags: ['csv', 'data', 'statistics', 'tables'],
      installCount: 0,
      latestVersion: '1.0.0',
      securityScore: expect.any(Number),
      useCases: ['Describe an export', 'Find faults in data', 'Answer a question with numbers'],
      toolCount: 1,
      trustLevel: 'verified',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      verdict: 'pass',
      permissions: { network: [], read: [], write: [], env: [] },
      requirements: { bins: [], env: [], packages: { npm: [], pip: [], go: [], apt: [] }, manual: [] },
    });
    for (const id of ['nope', '..%2Fx', '%00', 'x'.repeat(300)]) {
      await client.refused(404, 'not_found', ['GET', `/skills/${id}`], /Skill/);
    }
  });
});

describe('a skill of the account', () => {
  it('is uploaded, found, and unknown to others', async () => {
    const { status, body } = await client.call(
      'POST',
      '/skills',
      skill('house-voice', '1.0.0', { 'scripts/a.mjs': 'x' }),
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({
      data: { id: 'house-voice', name: 'House Voice', trustLevel: 'custom', toolCount: 1 },
    });
    expect((await list('?search=house-voice')).ids).toEqual(['house-voice']);
    expect(await client.data('GET', '/skills/house-voice')).toEqual((body as { data: Data }).data);
    expect((await list('?search=house-voice', stranger)).ids).toEqual([]);
    await stranger.refused(404, 'not_found', ['GET', '/skills/house-voice']);
    await stranger.refused(404, 'not_found', ['DELETE', '/skills/house-voice']);
    const theirs = await stranger.insertAgent();
    await stranger.refused(404, 'not_found', () => install(theirs, 'house-voice', 'custom', stranger));
  });

  it('only gets higher versions; the same content again changes nothing', async () => {
    await client.data('POST', '/skills', skill('versions', '1.2.0'));
    const same = await client.data('POST', '/skills', skill('versions', '1.2.0'));
    for (const lower of ['1.2.0', '1.1.9', '0.9.0']) {
      const other = skill('versions', lower, { 'a.md': 'other' });
      await client.refused(409, 'conflict', ['POST', '/skills', other], /higher than 1\.2\.0/);
    }
    const next = await client.data('POST', '/skills', skill('versions', '1.10.0'));
    expect([same.latestVersion, next.latestVersion]).toEqual(['1.2.0', '1.10.0']);
    expect(next.digest).not.toBe(same.digest);
  });

  it('is uploaded once however often at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => client.call('POST', '/skills', skill('at-once'))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(201));
    expect((await list('?search=at-once')).pagination).toMatchObject({ total: 1 });
  });

  it('comes as an archive too', async () => {
    const tar = pack();
    tar.entry({ name: 'packed/SKILL.md' }, skill('packed').files['SKILL.md']);
    tar.finalize();
    const archive = (await buffer(tar)).toString('base64');
    expect(await client.data('POST', '/skills', { archive })).toMatchObject({ id: 'packed', toolCount: 0 });
    const link = pack();
    link.entry({ name: 'SKILL.md', type: 'symlink', linkname: '/etc/passwd' });
    link.finalize();
    const linked = (await buffer(link)).toString('base64');
    await client.refused(400, 'validation_error', ['POST', '/skills', { archive: linked }], /neither file nor folder/);
  });

  it('may not take the name of a verified one', async () => {
    await client.refused(409, 'conflict', ['POST', '/skills', skill('csv-analysis', '9.0.0')], /another name/);
  });

  it.each<[string, object, RegExp]>([
    ['nothing', {}, /either files or archive, url or npm/],
    ['both', { ...skill('x'), archive: 'AAAA' }, /either files or archive, url or npm/],
    ['an address and a package', { url: 'https://a.dev/x', npm: 'x' }, /either files/],
    ['a digest of what is uploaded', { ...skill('x'), digest: 'a'.repeat(64) }, /digest goes with/],
    ['a digest that is none', { npm: 'x', digest: 'abc' }, /digest/],
    ['no files', { files: {} }, /no files/],
    ['files that are a list', { files: ['x'] }, /files/],
    ['a file that is a number', { files: { 'SKILL.md': 7 } }, /texts by path/],
    ['no front matter', { files: { 'SKILL.md': '# Tone' } }, /front matter/],
    ['a path that leads out', skill('x', '1.0.0', { '../y': 'x' }), /path/],
    ['an absolute path', skill('x', '1.0.0', { '/y': 'x' }), /path/],
    ['NUL', skill('x', '1.0.0', { y: 'a\0' }), /no text/],
    ['an archive that is none', { archive: 'bm90IGFuIGFyY2hpdmU=' }, /broken|no files/],
    ['an archive that is no base64', { archive: '***' }, /archive/],
  ])('is refused with %s', async (_what, body, message) => {
    await client.refused(400, 'validation_error', ['POST', '/skills', body], message);
  });

  it('is taken out of the catalogue when no agent has it', async () => {
    await client.data('POST', '/skills', skill('leaving'));
    const agent = await client.insertAgent();
    await install(agent, 'leaving', 'custom');
    await client.refused(409, 'conflict', ['DELETE', '/skills/leaving'], /1 agents have/);
    await client.data('DELETE', `/agents/${agent}/skills/leaving`);
    expect(await client.data('DELETE', '/skills/leaving')).toEqual({ id: 'leaving', deleted: true });
    await client.refused(404, 'not_found', ['GET', '/skills/leaving']);
    await client.refused(404, 'not_found', ['DELETE', '/skills/csv-analysis']);
  });
});

describe('the skills of an agent', () => {
  it('are installed, listed and uninstalled with exactly the documented fields', async () => {
    const agent = await client.insertAgent();
    const { status, body } = await install(agent, 'code-review', 'verified');
    const installed = {
      id: expect.stringMatching(/^as_[0-9a-f]{24}$/),
      skillId: 'code-review',
      name: 'Code Review',
      installedVersion: '1.0.0',
      trustLevel: 'verified',
      isEnabled: true,
    };
    expect({ status, body }).toEqual({ status: 201, body: { data: { ...installed, needsRestart: true } } });
    expect(await client.data('GET', `/agents/${agent}`)).toMatchObject({ needsRestart: true });
    expect((await client.call('GET', `/agents/${agent}/skills`)).body).toEqual({
      data: [{ ...installed, installedAt: iso }],
      pagination: { total: 1, limit: 1, offset: 0 },
    });
    expect(await client.data('GET', '/skills/code-review')).toMatchObject({ installCount: 1 });
    expect((await list('')).ids[0]).toBe('code-review');
    expect(await client.data('DELETE', `/agents/${agent}/skills/code-review`)).toEqual({
      skillId: 'code-review',
      uninstalled: true,
      needsRestart: true,
    });
    expect(await client.data('GET', '/skills/code-review')).toMatchObject({ installCount: 0 });
    await client.refused(404, 'not_found', ['DELETE', `/agents/${agent}/skills/code-review`], /Installed skill/);
  });

  it('are told of one by one, with how far the installation is', async () => {
    const agent = await client.insertAgent();
    await install(agent, 'email-drafting', 'verified');
    const detail = await client.data('GET', `/agents/${agent}/skills/email-drafting`);
    expect(detail).toEqual({
      id: expect.stringMatching(/^as_[0-9a-f]{24}$/),
      skillId: 'email-drafting',
      name: expect.any(String),
      installedVersion: '1.0.0',
      trustLevel: 'verified',
      isEnabled: true,
      installedAt: iso,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      manual: [],
      verdict: 'pass',
      disabledAt: null,
      install: {
        state: 'done',
        step: 'finished',
        progress: 100,
        attempts: 1,
        nextAttemptAt: null,
        error: null,
        finishedAt: iso,
      },
    });
    await client.refused(404, 'not_found', ['GET', `/agents/${agent}/skills/translation`], /Installed skill/);
    await stranger.refused(404, 'not_found', ['GET', `/agents/${agent}/skills/email-drafting`], /Agent/);
  });

  it('are not enabled as long as no host has installed them', async () => {
    const nowhere = await agentoClient(api, client.org, TABLES).insertAgent();
    expect((await install(nowhere, 'code-review', 'verified')).body).toMatchObject({ data: { isEnabled: false } });
    expect(await client.data('GET', `/agents/${nowhere}/skills/code-review`)).toMatchObject({
      install: { state: 'pending', step: 'queued', progress: 0 },
    });
    await client.refused(409, 'conflict', () => install(nowhere, 'code-review', 'verified'), /already/);
    expect(await client.data('DELETE', `/agents/${nowhere}/skills/code-review`)).toMatchObject({ uninstalled: true });
  });

  it('are refused as what their installation failed with, and leave nothing', async () => {
    const agent = await client.insertAgent();
    await client.data('POST', '/skills', skill('spoilt', '1.0.0'));
    const spoil = `UPDATE skill_contents SET files = files || '{"more.md":"x"}' WHERE digest = (SELECT digest FROM skills WHERE id = 'spoilt')`;
    await api.db.database.query(spoil);
    const { status, body } = await install(agent, 'spoilt', 'custom');
    expect({ status, body }).toEqual({
      status: 422,
      body: { error: { code: 'skill_content_changed', message: expect.stringContaining('digest') } },
    });
    expect((await client.call('GET', `/agents/${agent}/skills`)).body).toMatchObject({ data: [] });
    await client.refused(404, 'not_found', ['GET', `/agents/${agent}/skills/spoilt`], /not installed: .*digest/);
    expect(await client.data('GET', '/skills/spoilt')).toMatchObject({ installCount: 0 });
  });

  it('say what people have to bring where agents are processes', async () => {
    const agent = await client.insertAgent();
    const head = '---\nname: needy\ndescription: Needs.\nrequirements:\n  pip: [rich]\n  bins: [rich]\n---\n\nIt does.';
    await client.data('POST', '/skills', { files: { 'SKILL.md': head } });
    await install(agent, 'needy', 'custom');
    expect(await client.data('GET', `/agents/${agent}/skills/needy`)).toMatchObject({
      isEnabled: true,
      manual: ['Install with pip: rich', 'Have on the PATH: rich'],
    });
  });

  it('do not flag a stopped agent', async () => {
    const agent = await client.insertAgent({ status: 'stopped' });
    expect((await install(agent, 'translation', 'verified')).body).toMatchObject({ data: { needsRestart: false } });
    expect(await client.data('DELETE', `/agents/${agent}/skills/translation`)).toMatchObject({ needsRestart: false });
  });

  it('are refused where level, skill or agent are wrong, and twice', async () => {
    const agent = await client.insertAgent();
    const path = `/agents/${agent}/skills`;
    const wrong: [object, RegExp][] = [
      [{}, /skillId/],
      [{ skillId: 'code-review' }, /trustLevel/],
      [{ trustLevel: 'verified' }, /skillId/],
      [{ skillId: 'code-review', trustLevel: 'trusted' }, /trustLevel/],
      [{ skillId: 'code-review', trustLevel: 7 }, /trustLevel/],
      [{ skillId: ' ', trustLevel: 'verified' }, /skillId/],
    ];
    for (const [body, message] of wrong) await client.refused(400, 'validation_error', ['POST', path, body], message);
    for (const [id, level] of [
      ['code-review', 'clawhub'],
      ['code-review', 'custom'],
      ['nope', 'verified'],
      ['../x', 'verified'],
      ['a\0', 'verified'],
    ] as const) {
      await client.refused(404, 'not_found', () => install(agent, id, level), /Skill/);
    }
    for (const other of [newId(), 'nope', await stranger.insertAgent()]) {
      await client.refused(404, 'not_found', () => install(other, 'code-review', 'verified'), /Agent/);
      await client.refused(404, 'not_found', ['GET', `/agents/${other}/skills`], /Agent/);
      await client.refused(404, 'not_found', ['DELETE', `/agents/${other}/skills/code-review`], /Agent/);
    }
    const answers = await Promise.all([1, 2, 3].map(() => install(agent, 'code-review', 'verified')));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    await client.refused(409, 'conflict', () => install(agent, 'code-review', 'verified'), /already/);
    expect(await client.data('GET', '/skills/code-review')).toMatchObject({ installCount: 1 });
  });

  it('are at most as many as the plan allows, also at the same time', async () => {
    const own = await newClient();
    const agent = await own.insertAgent();
    const { OrganisationsService } = await import('#libs/identity');
    const organisations = api.app.get(OrganisationsService, { strict: false });
    const account = organisations.account.bind(organisations);
    organisations.account = async (scope) => {
      const found = await account(scope);
      return scope.orgId === own.org.orgId ? { ...found, limits: { ...found.limits, maxSkillsPerAgent: 2 } } : found;
    };
    const wanted = ['translation', 'date-math', 'plain-language', 'research-brief'];
    const answers = await Promise.all(wanted.map((id) => install(agent, id, 'verified', own)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 403, 403]);
    await own.refused(403, 'plan_limit_reached', () => install(agent, 'decision-memo', 'verified', own), /2 skills/);
    organisations.account = account;
  });

  it('keep the content that they were installed with', async () => {
    const agent = await client.insertAgent();
    await client.data('POST', '/skills', skill('pinned', '1.0.0'));
    await install(agent, 'pinned', 'custom');
    await client.data('POST', '/skills', skill('pinned', '2.0.0'));
    expect((await client.call('GET', `/agents/${agent}/skills`)).body).toMatchObject({
      data: [{ skillId: 'pinned', installedVersion: '1.0.0' }],
    });
  });

  it('work once for a repeated request', async () => {
    const agent = await client.insertAgent();
    const headers = { 'idempotency-key': newId() };
    const body = { skillId: 'email-drafting', trustLevel: 'verified' };
    const send = () => api.request('POST', `/v1/agents/${agent}/skills`, { apiKey: client.org.apiKey, headers, body });
    const first = await send();
    expect(await send()).toMatchObject({ status: 201, body: first.body });
  });
});
