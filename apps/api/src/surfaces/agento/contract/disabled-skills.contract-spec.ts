import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, type Data, agentoClient, iso } from './agento-client.js';
import { type SkillHost, startSkillHost } from '../../../testing/skill-host.js';

const TABLES = ['skills', 'agent_skills', 'skill_placements', 'disabled_digests', 'agents', 'events'];
const reason = 'Sends what it reads to its author';
const files = { 'SKILL.md': '---\nname: leaky\ndescription: Leaks.\n---\n\nIt leaks.' };

let api: ApiFixture;
let host: SkillHost;
let client: AgentoClient;
let stranger: AgentoClient;
let agent: string;
let digest: string;

beforeAll(async () => {
  api = await startApi();
  host = await startSkillHost(api);
  [client, stranger] = [
    agentoClient(api, await api.organisation(), TABLES),
    agentoClient(api, await api.organisation(), TABLES),
  ];
  agent = await client.insertAgent({ hostId: host.id });
  const nothing = { instance: undefined, written: new Set<string>(), mark: null, lines: [], position: 0 };
  host.runtime.host.agents.set(agent, { ...nothing, workspace: new Map() });
  digest = (await client.data('POST', '/skills', { files })).digest as string;
  await client.data('POST', `/agents/${agent}/skills`, { skillId: 'leaky', trustLevel: 'custom' });
}, 60_000);
afterAll(async () => {
  await host?.close();
  await api?.close();
});

const disable = (on: AgentoClient, body: object = { reason }) => on.call('PUT', `/disabled-skills/${digest}`, body);
const isPlaced = (): boolean => host.runtime.host.agents.get(agent)?.workspace.has('skills/leaky/SKILL.md') ?? false;
const listed = async (on: AgentoClient): Promise<Data> =>
  (await on.call('GET', '/disabled-skills')).body as unknown as Data;

describe('disabled skills', () => {
  it('leave the agents that have them, and come back', async () => {
    expect(isPlaced()).toBe(true);
    const { status, body } = await disable(client);
    const disabled = { digest, reason, everywhere: false, disabledBy: expect.any(String), disabledAt: iso };
    expect({ status, body }).toEqual({ status: 200, body: { data: disabled } });
    expect((await disable(client, { reason: 'again' })).body).toEqual(body);
    await eventually(() => !isPlaced());
    expect(await client.data('GET', `/agents/${agent}/skills/leaky`)).toMatchObject({
      isEnabled: false,
      disabledAt: iso,
    });
    const switched = { seq: expect.any(Number), at: iso, skillId: 'leaky', digest, isEnabled: false, reason };
    expect(await client.data('GET', `/agents/${agent}/why`)).toMatchObject({ switchedSkills: [switched] });
    expect(await listed(client)).toEqual({ data: [disabled], pagination: { total: 1, limit: 20, offset: 0 } });
    expect(await listed(stranger)).toMatchObject({ data: [] });
    const install = ['POST', `/agents/${agent}/skills`, { skillId: 'leaky', trustLevel: 'custom' }] as const;
    await client.refused(422, 'skill_disabled', install, /disabled/);

    expect(await client.data('DELETE', `/disabled-skills/${digest}`)).toEqual({ digest, enabled: true });
    await eventually(isPlaced);
    expect(await client.data('GET', `/agents/${agent}/skills/leaky`)).toMatchObject({
      isEnabled: true,
      disabledAt: null,
    });
    await client.refused(404, 'not_found', ['DELETE', `/disabled-skills/${digest}`]);
  });

  it('are switched by administrators, for everybody by operators alone', async () => {
    await client.refused(403, 'forbidden', () => disable(client, { reason, everywhere: true }), /platform admins/);
    await client.refused(403, 'forbidden', ['DELETE', `/disabled-skills/${digest}?everywhere=true`]);
    await api.db.database.query(`UPDATE memberships SET role = 'MEMBER' WHERE org_id = $1`, [stranger.org.orgId]);
    await eventually(async () => (await disable(stranger)).status === 403);
  });

  it.each<[string, object | undefined, RegExp]>([
    ['no reason', {}, /reason/],
    ['a blank reason', { reason: ' ' }, /reason/],
    ['NUL in the reason', { reason: 'a\0' }, /reason/],
    ['a reason that is too long', { reason: 'a'.repeat(301) }, /reason/],
    ['an everywhere that is none', { reason, everywhere: 'yes' }, /everywhere/],
  ])('are refused with %s', async (_what, body, message) => {
    await client.refused(400, 'validation_error', ['PUT', `/disabled-skills/${digest}`, body], message);
  });

  it("are refused where the content is nobody's, or somebody else's", async () => {
    const other = agentoClient(api, await api.organisation(), TABLES);
    for (const nothing of [digest, 'nope', 'a'.repeat(64), '%00']) {
      await other.refused(404, 'not_found', ['PUT', `/disabled-skills/${nothing}`, { reason }]);
      await other.refused(404, 'not_found', ['DELETE', `/disabled-skills/${nothing}`]);
    }
    await client.refused(400, 'validation_error', ['DELETE', `/disabled-skills/${digest}?everywhere=maybe`]);
    await client.refused(400, 'validation_error', ['GET', '/disabled-skills?page=0']);
  });
});
