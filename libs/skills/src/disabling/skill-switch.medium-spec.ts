import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AgentsService } from '#libs/agents';
import { FakeHost } from '#libs/containers';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type SkillsFixture, skillsFixture } from '../testing/skills-fixture.js';
import { SkillSwitch } from './skill-switch.service.js';

const signal = new AbortController().signal;
const filesOf = (version: string) => [
  {
    path: 'SKILL.md',
    content: `---\nname: leaky\ndescription: Leaks.\nmetadata: {version: ${version}}\npermissions:\n  network: [api.a.dev]\n---\n\nIt leaks.`,
  },
];
const PLACED = ['skills/leaky/SKILL.md'];
const everywhere = { everywhere: true, reason: 'Leaks' };
const here = { everywhere: false, reason: 'Leaks' };

/** The relay of the host: notes down what it is asked for, and answers as it is told. */
interface ScriptedEdge {
  readonly url: string;
  readonly asked: string[];
  answer: () => number;
  close(): void;
}

async function startEdge(): Promise<ScriptedEdge> {
  const server = createServer((req, res) => {
    void text(req).then((body) => {
      edge.asked.push(`${req.method} ${req.url} ${body}`);
      res.writeHead(edge.answer()).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const edge = {
    url,
    asked: [] as string[],
    answer: () => 502,
    close: () => void server.close().closeAllConnections(),
  };
  return edge;
}

describe('the kill switch of a content', () => {
  let db: TestDatabase;
  let edge: ScriptedEdge;
  let fixture: SkillsFixture;
  let skills: SkillSwitch;
  let [org, other]: TestOrganisation[] = [];
  let operator: TestOrganisation['caller'];
  let digest: string;

  beforeAll(async () => {
    db = await testDatabase();
    edge = await startEdge();
    fixture = await skillsFixture(db, new FakeHost(), { edge: { url: edge.url } });
    skills = fixture.app.get(SkillSwitch, { strict: false });
  }, 60_000);
  beforeEach(async () => {
    [org, other] = [await testOrganisation(db.database), await testOrganisation(db.database)];
    for (const { caller } of [org!, other!]) {
      digest = (await fixture.skills.upload(caller, { files: filesOf('1.0.0') })).digest;
    }
    operator = { ...org!.caller, isPlatformAdmin: true };
    await db.database.query('DELETE FROM disabled_digests');
  });
  afterAll(async () => {
    await fixture?.close();
    edge?.close();
    await db?.close();
  });

  const newAgent = async (of: TestOrganisation = org!): Promise<string> => {
    const { id } = await fixture.runningAgent(of.caller);
    await fixture.install(of.caller, id, 'leaky', 'custom');
    return id;
  };
  const hosts = (id: string) => db.database.query('SELECT host FROM agent_egress_hosts WHERE agent_id = $1', [id]);
  const seen = async (id: string, of: TestOrganisation = org!): Promise<object> => {
    const [skill] = (await fixture.installs.list(of.caller, id)) as readonly {
      isEnabled: boolean;
      disabledAt: Date | null;
    }[];
    return { placed: fixture.placed(id), hosts: await hosts(id), ...skill };
  };
  const HAS = { placed: PLACED, hosts: [{ host: 'api.a.dev' }], isEnabled: true, disabledAt: null };
  const HAS_NOT = { placed: [], hosts: [], isEnabled: false, disabledAt: expect.any(Date) };

  it('takes it from the agents of the organisation, says why, and gives it back', async () => {
    const agent = await newAgent();
    const theirs = await newAgent(other);
    expect(await seen(agent)).toMatchObject(HAS);
    const disabled = await skills.disable(org!.caller, digest, here);
    expect(disabled).toMatchObject({ digest, orgId: org!.orgId, reason: 'Leaks', disabledBy: org!.caller.subject });
    await fixture.placer.sweep(signal);
    expect(await seen(agent)).toMatchObject(HAS_NOT);
    expect(await seen(theirs, other)).toMatchObject(HAS);
    const agents = fixture.app.get(AgentsService, { strict: false });
    const why = () => agents.why(org!.caller, agent);
    const switched = { skillId: 'leaky', digest, at: expect.any(Date) };
    expect(await why()).toMatchObject({
      needsRestart: true,
      switchedSkills: [{ ...switched, isEnabled: false, reason: 'Leaks' }],
    });
    await skills.enable(org!.caller, digest, here);
    await fixture.placer.sweep(signal);
    expect(await seen(agent)).toMatchObject(HAS);
    expect((await why()).switchedSkills).toMatchObject([{ ...switched, isEnabled: true, reason: null }, switched]);
  });

  it('has running agents throw it away before the first folder is removed, and removes those of agents that did not', async () => {
    const agents = [await newAgent(), await newAgent()];
    const before = edge.asked.length;
    let placedWhenAsked: string[] = [];
    edge.answer = () => {
      placedWhenAsked = [...placedWhenAsked, ...agents.flatMap((id) => fixture.placed(id))];
      return edge.asked.length % 2 === 0 ? 204 : 502;
    };
    await skills.disable(org!.caller, digest, here);
    await fixture.placer.sweep(signal);
    const asked = edge.asked.slice(before).sort();
    expect(asked).toEqual(agents.map((id) => `POST /relay/${id}/v1/skills/discard {"skills":["leaky"]}`).sort());
    expect(placedWhenAsked).toEqual([...PLACED, ...PLACED, ...PLACED, ...PLACED]);
    expect(agents.flatMap((id) => fixture.placed(id))).toEqual([]);
    await fixture.placer.sweep(signal);
    await skills.enable(org!.caller, digest, here);
    await fixture.placer.sweep(signal);
    expect(edge.asked).toHaveLength(before + 2);
  });

  it('takes it from the agents of all organisations, and leaves it disabled where it was disabled before', async () => {
    const [agent, theirs] = [await newAgent(), await newAgent(other)];
    await skills.disable(other!.caller, digest, here);
    await skills.disable(operator, digest, everywhere);
    await fixture.placer.sweep(signal);
    expect([await seen(agent), await seen(theirs, other)]).toMatchObject([HAS_NOT, HAS_NOT]);
    await skills.enable(operator, digest, everywhere);
    await fixture.placer.sweep(signal);
    expect([await seen(agent), await seen(theirs, other)]).toMatchObject([HAS, HAS_NOT]);
  });

  it('keeps it from being installed, and from new instances of agents that have it', async () => {
    const { id } = await fixture.newAgent(org!.caller);
    await fixture.install(org!.caller, id, 'leaky', 'custom');
    await skills.disable(org!.caller, digest, here);
    await fixture.start(id);
    expect(await seen(id)).toMatchObject({ ...HAS_NOT, placed: [] });
    const another = await fixture.newAgent(org!.caller);
    const refused = { kind: 'unprocessable', code: 'skill_disabled' };
    await expect(fixture.install(org!.caller, another.id, 'leaky', 'custom')).rejects.toMatchObject(refused);
    expect(await fixture.installs.list(org!.caller, another.id)).toEqual([]);
  });

  it('ends an installation that is under way', async () => {
    const { id } = await fixture.runningAgent(org!.caller);
    const requested = await fixture.installs.install(org!.caller, id, 'leaky', 'custom');
    await skills.disable(org!.caller, digest, here);
    await fixture.installer.install(requested.installId, signal);
    const settled = fixture.installs.settle(org!.caller, requested, { timeoutMs: 0, signal });
    await expect(settled).rejects.toMatchObject({ code: 'skill_disabled' });
    expect(fixture.placed(id)).toEqual([]);
    expect(await fixture.installs.list(org!.caller, id)).toEqual([]);
  });

  it('leaves no agent with it, whatever is installed meanwhile', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await fixture.runningAgent(org!.caller)).id));
    const installing = ids.map((id) => fixture.install(org!.caller, id, 'leaky', 'custom').catch(() => undefined));
    await skills.disable(org!.caller, digest, here);
    await Promise.all(installing);
    await fixture.placer.sweep(signal);
    expect(ids.flatMap((id) => fixture.placed(id))).toEqual([]);
  });

  it('changes nothing when it is repeated, and writes down who did it', async () => {
    await newAgent();
    const first = await skills.disable(org!.caller, digest, here);
    expect(await skills.disable(org!.caller, digest, { ...here, reason: 'Other' })).toEqual(first);
    const rows = await db.database.query(
      `SELECT action, resource, subject, metadata FROM audit_events WHERE org_id = $1 AND action LIKE 'skill.%' ORDER BY id`,
      [org!.orgId],
    );
    const row = { action: 'skill.disable', resource: `skill-digest:${digest}`, subject: org!.caller.subject };
    expect(rows).toMatchObject([
      { ...row, metadata: { agents: 1 } },
      { ...row, metadata: { agents: 0 } },
    ]);
  });

  it('is for administrators, for all organisations only for operators, and for contents that one has', async () => {
    const member = { ...org!.caller, role: 'MEMBER' as const };
    const forbidden = { kind: 'forbidden' };
    const missing = { kind: 'not_found' };
    await expect(skills.disable(member, digest, here)).rejects.toMatchObject(forbidden);
    await expect(skills.enable(member, digest, here)).rejects.toMatchObject(forbidden);
    await expect(skills.disable(org!.caller, digest, everywhere)).rejects.toMatchObject(forbidden);
    await expect(skills.disable({ ...operator, kind: 'apiKey' }, digest, everywhere)).rejects.toMatchObject(forbidden);
    await expect(skills.enable(org!.caller, digest, here)).rejects.toMatchObject(missing);
    const stranger = await testOrganisation(db.database);
    await expect(skills.disable(stranger.caller, digest, here)).rejects.toMatchObject(missing);
    await expect(skills.disable(org!.caller, 'nope', here)).rejects.toMatchObject(missing);
    expect(await db.database.query('SELECT 1 FROM disabled_digests')).toEqual([]);
  });
});
