import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { memberToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

interface TemplateBody {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly default_persona: string;
  readonly default_heartbeat_interval: string;
  readonly default_checklist: readonly string[];
}

const text = expect.stringMatching(/./);
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const CATEGORIES = ['engineering', 'sales-outreach', 'devops-infrastructure', 'productivity'];

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let seeded: readonly TemplateBody[];

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
}, 90_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

const call = (method: string, path: string, body?: unknown, apiKey = org.apiKey): Promise<ApiAnswer> =>
  api.request(method, `/api/v1${path}`, { apiKey, ...(body === undefined ? {} : { body }) });
const list = async (query = '', apiKey = org.apiKey) =>
  (await call('GET', `/templates${query}`, undefined, apiKey)).body as { templates: TemplateBody[]; total: number };

describe('templates', () => {
  it('are added once, by whoever may make agents', async () => {
    expect(await list()).toEqual({ templates: [], total: 0, limit: 50, offset: 0 });
    const viewer = await memberToken(api, org.orgId, 'VIEWER');
    expect((await api.request('POST', '/api/v1/templates/seed', { token: viewer })).status).toBe(403);
    const answers = await Promise.all([call('POST', '/templates/seed'), call('POST', '/templates/seed')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    seeded = answers.flatMap(({ body }) => body as TemplateBody[]);
    expect(seeded.length).toBe(9);
    expect((await call('POST', '/templates/seed')).body).toEqual([]);
  });

  it('are listed with every field, by category and page', async () => {
    const { templates, total } = await list();
    expect([templates.length, total]).toEqual([9, 9]);
    for (const template of templates) {
      expect(template).toEqual({
        id: expect.stringMatching(/^template-/),
        name: text,
        description: text,
        category: expect.stringMatching(new RegExp(CATEGORIES.join('|'))),
        icons: expect.any(Array),
        default_model: text,
        default_persona: text,
        default_heartbeat_interval: expect.stringMatching(/^\d+[smhd]$/),
        default_checklist: expect.arrayContaining([text]),
        user_id: org.userId,
        created_at: iso,
        updated_at: iso,
      });
      expect((await call('GET', `/templates/${template.id}`)).body).toEqual(template);
    }
    for (const category of CATEGORIES) {
      const some = (await list(`?category=${category}`)).templates;
      expect(some).toEqual(templates.filter((template) => template.category === category));
    }
    const page = await list('?limit=2&offset=8');
    expect([page.templates, page.total]).toEqual([templates.slice(8), 9]);
  });

  it('refuse what is wrong, and keep workspaces apart', async () => {
    for (const query of ['?category=x', '?limit=10000', '?offset=-1']) {
      expect((await call('GET', `/templates${query}`)).status).toBe(422);
    }
    const other = await api.organisation();
    expect((await list('', other.apiKey)).total).toBe(0);
    for (const [id, apiKey] of [
      [seeded[0]!.id, other.apiKey],
      ['template-nothing', org.apiKey],
    ] as const) {
      const { status, body } = await call('GET', `/templates/${id}`, undefined, apiKey);
      expect([status, body]).toEqual([404, { detail: 'Template not found', request_id: expect.any(String) }]);
      expect((await call('POST', '/agents', { name: 'x', template_id: id }, apiKey)).status).toBe(404);
    }
  });

  it('make agents that work: each speaks, and goes through its checklist', async () => {
    for (const template of seeded) {
      const made = await call('POST', '/agents', { name: template.name, template_id: template.id, model: 'demo' });
      expect([made.status, made.body]).toEqual([
        201,
        expect.objectContaining({
          name: template.name,
          persona: template.default_persona,
          model: 'demo',
          heartbeat_enabled: false,
          heartbeat_interval: template.default_heartbeat_interval,
          heartbeat_checklist: template.default_checklist,
        }),
      ]);
      const path = `/agents/${(made.body as { id: string }).id}`;
      await eventually(async () => ((await call('GET', path)).body as { status: string }).status === 'running');
      const said = await call('POST', `${path}/message`, { message: '[[echo Ready.]]' });
      expect(said.body).toMatchObject({ response: 'Ready.' });
      const beat = await call('POST', `${path}/heartbeat`);
      expect(beat.body).toMatchObject({ status: 'completed', checklist_items: template.default_checklist });
      await call('DELETE', path);
    }
  }, 180_000);

  it('leave the last word to whoever makes the agent', async () => {
    const template = seeded[0]!;
    const own = { name: 'Own', model: 'demo', persona: 'My own', heartbeat: { interval: '2h' } };
    expect((await call('POST', '/agents', { ...own, template_id: template.id })).body).toMatchObject({
      persona: 'My own',
      heartbeat_interval: '2h',
      heartbeat_checklist: template.default_checklist,
    });
    expect((await call('POST', '/agents', { name: 'x', template_id: newId() })).status).toBe(404);
  }, 60_000);
});
