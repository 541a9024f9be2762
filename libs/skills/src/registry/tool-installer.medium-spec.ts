import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type AgentTools, FakeHost, type ToolBuild, type ToolRequest, toolsDigest } from '#libs/containers';
import { DomainError } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { HostTools } from '../host-tools.js';
import { SkillSettingsService } from '../settings/skill-settings.service.js';
import { type SkillsFixture, skillsFixture } from '../testing/skills-fixture.js';
import { ToolInstaller } from './tool-installer.js';
import { ToolReporter } from './tool-reporter.js';
import { requestOf, toolOf } from './tool-registry.js';
import { ToolTables } from './tool-tables.js';
import { ToolsService } from './tools.service.js';

const signal = new AbortController().signal;
const request = requestOf(toolOf('prettier')!);
const DIGEST = toolsDigest(request);

class PlayedTools implements AgentTools {
  readonly methods = ['npm'] as const;
  readonly whole = new Set<string>();
  swept: ReadonlySet<string> = new Set();
  install: (options: ToolBuild) => Promise<void> = () => Promise.resolve();

  async build(wanted: ToolRequest, options: ToolBuild): Promise<string> {
    options.log('begun');
    await this.install(options);
    this.whole.add(toolsDigest(wanted));
    return toolsDigest(wanted);
  }

  present(digests: readonly string[]): Promise<string[]> {
    return Promise.resolve(digests.filter((digest) => this.whole.has(digest)));
  }

  sweep(used: ReadonlySet<string>): Promise<number> {
    this.swept = used;
    return Promise.resolve(0);
  }
}

/** Runs until it is told to end. */
const endless = ({ signal: end }: ToolBuild): Promise<void> =>
  new Promise((_resolve, reject) => end.addEventListener('abort', () => reject(end.reason as Error), { once: true }));

describe('work on tools of an organisation', () => {
  const host = new FakeHost();
  let tools: PlayedTools;
  let db: TestDatabase;
  let fixture: SkillsFixture;
  let org: TestOrganisation;
  let installer: ToolInstaller;
  let tables: ToolTables;
  let service: ToolsService;

  beforeAll(async () => {
    db = await testDatabase();
    fixture = await skillsFixture(db, host);
    const find = <T>(type: abstract new (...args: never[]) => T): T => fixture.app.get(type, { strict: false });
    [installer, tables, service] = [find(ToolInstaller), find(ToolTables), find(ToolsService)];
  }, 60_000);
  beforeEach(async () => {
    org = await testOrganisation(db.database);
    tools = new PlayedTools();
    fixture.runtime.tools = tools;
    await report();
  });
  afterEach(() => db.database.query('DELETE FROM tool_installs'));
  afterAll(async () => {
    await fixture?.close();
    await db?.close();
  });

  const report = (): Promise<void> => fixture.app.get(ToolReporter, { strict: false }).report(signal);
  const open = (timeoutSeconds = 30, name = 'prettier'): Promise<string | undefined> =>
    db.database.transaction(async (tx) => {
      const [row] = await tx.query<{ id: string }>('SELECT id FROM hosts');
      const work = { name, action: 'install' as const, hostId: row!.id, request, timeoutSeconds, requestedBy: 'x' };
      return tables.installs.open(tx, org.caller, work);
    });
  const latest = () => service.latestWork(org.caller, 'prettier');
  const standing = async (): Promise<object> => {
    const { isEligible, isInstalled } = await service.get(org.caller, 'prettier');
    return { isEligible, isInstalled };
  };
  const NOT_THERE = { isEligible: false, isInstalled: false };

  it('is done by the host, with what its installer said', async () => {
    await installer.run((await open())!, signal);
    expect(await latest()).toMatchObject({ state: 'done', logs: ['begun'], logCount: 1, error: null });
    expect(await standing()).toEqual({ isEligible: true, isInstalled: true });
  });

  it('ends after its time, and leaves nothing', async () => {
    tools.install = endless;
    await installer.run((await open(1))!, signal);
    expect(await latest()).toMatchObject({ state: 'failed', error: 'It took longer than 1 s' });
    expect(await standing()).toEqual(NOT_THERE);
  });

  it('is gone on with after a worker that was stopped meanwhile', async () => {
    const stopping = new AbortController();
    tools.install = endless;
    const running = installer.run((await open())!, stopping.signal);
    await eventually(async () => (await latest())?.state === 'running');
    stopping.abort(new Error('stopped'));
    await running;
    expect(await latest()).toMatchObject({ state: 'running' });
    tools.install = () => Promise.resolve();
    await installer.sweep(signal);
    expect(await latest()).toMatchObject({ state: 'done' });
  });

  it('is given up when it ended its worker again and again', async () => {
    const id = (await open())!;
    await db.database.query(`UPDATE tool_installs SET state = 'running', attempts = 3 WHERE id = $1`, [id]);
    await installer.sweep(signal);
    expect(await latest()).toMatchObject({ state: 'failed', error: expect.stringContaining('stopped 3 times') });
  });

  it('writes nothing once it is somebody else`s', async () => {
    tools.install = async () => {
      await db.database.query('UPDATE tool_installs SET epoch = epoch + 1');
    };
    await installer.run((await open())!, signal);
    expect(await latest()).toMatchObject({ state: 'running' });
    expect(await standing()).toEqual(NOT_THERE);
  });

  it('says nothing of what went wrong inside', async () => {
    tools.install = () => Promise.reject(new Error('secret'));
    await installer.run((await open())!, signal);
    expect((await latest())?.error).toMatch(/went wrong on the host/);
    tools.install = () => Promise.reject(new DomainError('unprocessable', 'tools_failed', 'npm: no such package'));
    await installer.run((await open())!, signal);
    expect((await latest())?.error).toBe('npm: no such package');
  });

  it('is open once for a tool, until no host has ended it in time', async () => {
    expect(await open()).toBeDefined();
    expect(await open()).toBeUndefined();
    await db.database.query(`UPDATE tool_installs SET created_at = now() - interval '10 minutes'`);
    expect(await open()).toBeDefined();
  });

  it('is refused without a living host', async () => {
    await db.database.query(`UPDATE hosts SET heartbeat_at = now() - interval '1 hour'`);
    const install = service.install(org.caller, 'prettier', { force: false }, signal);
    await expect(install).rejects.toMatchObject({ code: 'no_host', kind: 'unavailable' });
    await db.database.query('UPDATE hosts SET heartbeat_at = now()');
    expect(await latest()).toBeUndefined();
  });

  it('is refused where agents are processes, with what to do', async () => {
    fixture.runtime.tools = null;
    await report();
    await db.database.query(`UPDATE hosts SET runtime = 'process'`);
    const install = service.install(org.caller, 'prettier', { force: false }, signal);
    await expect(install).rejects.toThrow(/run as processes.*npm install --global prettier.*https:/);
    await db.database.query(`UPDATE hosts SET runtime = 'fake'`);
  });

  describe('gives agents to which a tool is attached', () => {
    const settings = (): SkillSettingsService => fixture.app.get(SkillSettingsService, { strict: false });
    const instance = (id: string) => {
      const agent = host.agents.get(id);
      return { tools: agent?.instance?.spec.tools ?? [], files: fixture.placed(id) };
    };
    const withTool = async (): Promise<string> => {
      const { id } = await fixture.newAgent(org.caller);
      await settings().attach(org.caller, id, { name: 'prettier', isEnabled: true }, signal);
      return id;
    };

    it('the program and what tells of it, with their first instance', async () => {
      await installer.run((await open())!, signal);
      const id = await withTool();
      await fixture.start(id);
      expect(instance(id)).toEqual({ tools: [DIGEST], files: ['skills/prettier/SKILL.md'] });
      expect(host.agents.get(id)?.workspace.get('skills/prettier/SKILL.md')).toMatch(/bins: \[prettier\]/);
    });

    it('a restart to be made when it is installed afterwards, and no other organisation`s', async () => {
      const id = await withTool();
      await fixture.start(id);
      expect(instance(id)).toEqual({ tools: [], files: [] });
      const generation = async (): Promise<unknown> =>
        (await db.database.query('SELECT desired_generation AS n FROM agents WHERE id = $1', [id]))[0];
      const before = await generation();
      const other = await testOrganisation(db.database);
      const stranger = await fixture.newAgent(other.caller);
      await settings().attach(other.caller, stranger.id, { name: 'prettier', isEnabled: true }, signal);
      await installer.run((await open())!, signal);
      expect(await generation()).not.toEqual(before);
      await fixture.start(stranger.id);
      expect(instance(stranger.id)).toEqual({ tools: [], files: [] });
    });

    it('nothing that can not be made on their host, and starts them all the same', async () => {
      await installer.run((await open())!, signal);
      const id = await withTool();
      tools.install = () => Promise.reject(new DomainError('unprocessable', 'tools_failed', 'No'));
      await fixture.start(id);
      expect(instance(id).tools).toEqual([]);
    });
  });

  it('keeps what somebody has from being swept', async () => {
    const sweep = (): Promise<void> => fixture.app.get(HostTools, { strict: false }).sweep(signal);
    await installer.run((await open())!, signal);
    await sweep();
    expect(tools.swept).toContain(DIGEST);
    tools.whole.clear();
    await report();
    expect(await standing()).toEqual(NOT_THERE);
    await db.database.query('DELETE FROM org_tools');
    await db.database.query('DELETE FROM agent_skill_settings');
    await sweep();
    expect(tools.swept).not.toContain(DIGEST);
  });
});
