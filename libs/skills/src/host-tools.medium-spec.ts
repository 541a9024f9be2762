import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkspaceSources } from '#libs/agents';
import { type AgentTools, FakeRuntime, type ToolRequest, toolsDigest } from '#libs/containers';
import { DomainError } from '#libs/kernel';
import { silentLogger } from '#libs/observability';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { SkillSwitch } from './disabling/skill-switch.service.js';
import { HostTools } from './host-tools.js';
import { ToolHostsRepository } from './registry/tool-hosts.repository.js';
import { RequiredToolsRepository } from './required-tools.repository.js';
import { BuiltTools } from './skill-tools.js';
import { type SkillsFixture, skillsFixture } from './testing/skills-fixture.js';

const signal = new AbortController().signal;
const NOTHING: ToolRequest = { npm: [], pip: [], go: [], apt: [], bins: [] };
const COWS = toolsDigest({ ...NOTHING, npm: ['cowsay@1.6.0'] });

/** Remembers what it was asked for. */
class RecordedTools implements AgentTools {
  readonly methods = ['npm'] as const;
  swept: ReadonlySet<string> = new Set();
  broken = false;

  build(request: ToolRequest): Promise<string> {
    if (this.broken) return Promise.reject(new DomainError('unavailable', 'tools_failed', 'No'));
    return Promise.resolve(toolsDigest(request));
  }

  present(): Promise<string[]> {
    return Promise.resolve([]);
  }

  sweep(used: ReadonlySet<string>): Promise<number> {
    this.swept = used;
    return Promise.resolve(0);
  }
}

describe('tools that skills of a host require', () => {
  const recorded = new RecordedTools();
  const sources = new WorkspaceSources();
  let db: TestDatabase;
  let org: TestOrganisation;
  let fixture: SkillsFixture;
  let tools: HostTools;

  beforeAll(async () => {
    db = await testDatabase();
    fixture = await skillsFixture(db);
    org = await testOrganisation(db.database);
    const runtime = Object.assign(new FakeRuntime(), { tools: recorded });
    const required = new RequiredToolsRepository(db.database);
    const chosen = new ToolHostsRepository(db.database);
    tools = new HostTools(db.config(), runtime, new BuiltTools(recorded), required, chosen, silentLogger());
    tools.serve(sources);
  }, 60_000);
  afterAll(async () => {
    await fixture?.close();
    await db?.close();
  });

  const withSkill = async (name: string, npm: string): Promise<{ id: string; digest: string }> => {
    const content = `---\nname: ${name}\ndescription: Needs.\nrequirements:\n  npm: [${npm}]\n---\n\nIt does.`;
    const { digest } = await fixture.skills.upload(org.caller, { files: [{ path: 'SKILL.md', content }] });
    const { id } = await fixture.runningAgent(org.caller);
    await fixture.install(org.caller, id, name, 'custom');
    return { id, digest };
  };
  const of = (id: string): Promise<string[]> => sources.tools({ id, orgId: org.orgId }, signal);

  it('are made for the agents that have them, and kept as long as one has', async () => {
    const { id } = await withSkill('cows', 'cowsay@1.6.0');
    expect(await of(id)).toEqual([COWS]);
    const other = await fixture.newAgent(org.caller);
    expect(await of(other.id)).toEqual([]);
    await tools.sweep(signal);
    expect(recorded.swept).toEqual(new Set([COWS]));
    await fixture.uninstall(org.caller, id, 'cows');
    await tools.sweep(signal);
    expect(recorded.swept).toEqual(new Set());
  });

  it('are no longer given to an agent whose skill was disabled', async () => {
    const { id, digest } = await withSkill('goats', 'goatsay@1.0.0');
    expect(await of(id)).toHaveLength(1);
    const skills = fixture.app.get(SkillSwitch, { strict: false });
    await skills.disable(org.caller, digest, { everywhere: false, reason: 'Bad' });
    expect(await of(id)).toEqual([]);
  });

  it('keep no agent from starting when they can not be made', async () => {
    const { id } = await withSkill('sheep', 'sheepsay@1.0.0');
    recorded.broken = true;
    expect(await of(id)).toEqual([]);
    recorded.broken = false;
  });
});
