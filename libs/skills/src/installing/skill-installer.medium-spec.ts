import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { FakeHost } from '#libs/containers';
import { DomainError } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type SkillsFixture, skillsFixture } from '../testing/skills-fixture.js';
import { SKILL_TOOLS, type SkillToolsBuilder } from '../skill-tools.js';
import { INSTALL_STEPS } from './skill-install.js';
import type { SkillInstallsRepository } from './skill-installs.repository.js';

const SKILL = '---\nname: caller\ndescription: Calls.\npermissions:\n  network: [api.a.dev]\n---\n\nIt calls.';
const FILES = [
  { path: 'SKILL.md', content: SKILL },
  { path: 'references/a.md', content: 'ä' },
];
const signal = new AbortController().signal;
const unreachable = (): DomainError => new DomainError('unavailable', 'docker_unreachable', 'The engine is away');

describe('installing skills on agents of a host', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let fixture: SkillsFixture;
  const host = new FakeHost();

  beforeAll(async () => {
    db = await testDatabase();
    fixture = await skillsFixture(db, host);
    org = await testOrganisation(db.database);
    await fixture.skills.upload(org.caller, { files: FILES });
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    fixture.runtime.before = () => undefined;
  });
  afterAll(async () => {
    await fixture?.close();
    await db?.close();
  });

  const rows = <T>(sql: string, ...values: unknown[]): Promise<T[]> => db.database.query<T>(sql, values);
  const hosts = (id: string) => rows<{ host: string }>('SELECT host FROM agent_egress_hosts WHERE agent_id = $1', id);
  const placements = (id: string) => rows('SELECT 1 FROM skill_placements WHERE agent_id = $1', id);
  /** Whatever is left of a skill that the agent has not. */
  const remains = async (id: string): Promise<object> => ({
    placed: fixture.placed(id),
    skills: await fixture.installs.list(org.caller, id),
    hosts: await hosts(id),
    placements: await placements(id),
  });
  const NOTHING = { placed: [], skills: [], hosts: [], placements: [] };
  const everything = {
    placed: ['skills/caller/SKILL.md', 'skills/caller/references/a.md'],
    skills: [expect.objectContaining({ skillId: 'caller', isEnabled: true, state: 'installed' })],
    hosts: [{ host: 'api.a.dev' }],
    placements: [],
  };
  /** Makes the next look at a step play the end of the worker. */
  const killAt = (step: string): AbortSignal => {
    const kill = new AbortController();
    for (const repository of new Set(repositories())) {
      const reach = repository.reach.bind(repository);
      jest.spyOn(repository, 'reach').mockImplementation(async (install, reached, on) => {
        await reach(install, reached, on);
        if (reached !== step) return;
        kill.abort(new Error('killed'));
        throw kill.signal.reason;
      });
    }
    return kill.signal;
  };
  const repositories = (): SkillInstallsRepository[] => {
    const { installs, commits } = fixture.installer as unknown as {
      installs: SkillInstallsRepository;
      commits: { tables: { installs: SkillInstallsRepository } };
    };
    return [installs, commits.tables.installs];
  };

  it('brings the skill to an agent that runs, and takes it away again', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const installed = await fixture.install(org.caller, id, 'caller', 'custom');
    expect(installed).toMatchObject({
      needsRestart: true,
      install: { state: 'done', step: 'finished', progress: 100, attempts: 1, error: null },
    });
    expect(await remains(id)).toEqual(everything);
    await fixture.uninstall(org.caller, id, 'caller');
    expect(await remains(id)).toEqual(NOTHING);
  });

  it('tells how far it is', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const requested = await fixture.installs.install(org.caller, id, 'caller', 'custom');
    const waiting = await fixture.installs.settle(org.caller, requested, { timeoutMs: 0, signal });
    expect(waiting).toMatchObject({
      skill: { isEnabled: false, state: 'installing' },
      install: { state: 'pending', step: 'queued', progress: 0 },
    });
    await fixture.installer.install(requested.installId, killAt('scanning'));
    expect(await fixture.installs.get(org.caller, id, 'caller')).toMatchObject({
      install: { state: 'running', step: 'scanning', progress: 45 },
    });
    expect(fixture.placed(id)).toEqual([]);
  });

  it('tells of requirements that could not be installed, and leaves nothing', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const builder = fixture.app.get<SkillToolsBuilder>(SKILL_TOOLS, { strict: false });
    const failure = new DomainError(
      'unprocessable',
      'tools_failed',
      'The tools were not installed\nnpm: no such package',
    );
    jest.spyOn(builder, 'build').mockRejectedValue(failure);
    await expect(fixture.install(org.caller, id, 'caller', 'custom')).rejects.toThrow(failure.message);
    expect(await remains(id)).toEqual(NOTHING);
    const asked = fixture.installs.get(org.caller, id, 'caller');
    await expect(asked).rejects.toThrow(/Installed skill .*no such package/s);
    await expect(asked).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('leaves requirements to people where agents are processes, and says which', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const content = SKILL.replace('name: caller', 'name: needy').replace(
      '---\n\n',
      'requirements:\n  npm: [a@1]\n  bins: [a]\n---\n\n',
    );
    await fixture.skills.upload(org.caller, { files: [{ path: 'SKILL.md', content }] });
    await fixture.install(org.caller, id, 'needy', 'custom');
    expect((await fixture.installs.get(org.caller, id, 'needy')).skill).toMatchObject({
      isEnabled: true,
      manual: ['Install with npm: a@1', 'Have on the PATH: a'],
    });
    await fixture.uninstall(org.caller, id, 'needy');
  });

  it.each(INSTALL_STEPS.filter((step) => step !== 'queued' && step !== 'finished'))(
    'is gone on with after a worker that died while it was %s',
    async (step) => {
      const { id } = await fixture.runningAgent(org.caller);
      const { installId } = await fixture.installs.install(org.caller, id, 'caller', 'custom');
      await fixture.installer.install(installId, killAt(step));
      jest.restoreAllMocks();
      expect(await fixture.installs.list(org.caller, id)).toMatchObject([{ isEnabled: false }]);
      await fixture.installer.sweep(signal);
      expect(await remains(id)).toEqual(everything);
    },
  );

  it('is gone on with by the next worker after one that died between placing and the end', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const { installId } = await fixture.installs.install(org.caller, id, 'caller', 'custom');
    const kill = new AbortController();
    fixture.runtime.before = (step) => {
      if (step !== 'place') return;
      kill.abort();
      throw unreachable();
    };
    await fixture.installer.install(installId, kill.signal);
    expect(await fixture.installs.get(org.caller, id, 'caller')).toMatchObject({
      skill: { state: 'installing' },
      install: { state: 'running', step: 'placing' },
    });
    fixture.runtime.before = () => undefined;
    await fixture.close();
    fixture = await skillsFixture(db, host);
    await fixture.installer.sweep(signal);
    expect(await remains(id)).toEqual(everything);
  });

  it('leaves nothing of what fails, and tells why', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    await fixture.skills.upload(org.caller, {
      files: [{ path: 'SKILL.md', content: SKILL.replace('caller', 'spoilt') }],
    });
    await rows(`UPDATE skill_contents SET files = jsonb_set(files, '{SKILL.md}', to_jsonb(replace(files ->> 'SKILL.md', 'calls', 'called')))
                 WHERE digest = (SELECT digest FROM skills WHERE id = 'spoilt')`);
    const failing = fixture.install(org.caller, id, 'spoilt', 'custom');
    await expect(failing).rejects.toMatchObject({ kind: 'unprocessable', code: 'skill_content_changed' });
    expect(await remains(id)).toEqual(NOTHING);
    const [install] = await rows(`SELECT state, step, error_code FROM skill_installs WHERE agent_id = $1`, id);
    expect(install).toEqual({ state: 'failed', step: 'verifying', error_code: 'skill_content_changed' });
  });

  it('does not place what is not what its digest says', async () => {
    const { id } = await fixture.newAgent(org.caller);
    await fixture.install(org.caller, id, 'caller', 'custom');
    await rows(
      `UPDATE agent_skills SET digest = (SELECT digest FROM skills WHERE id = 'spoilt') WHERE agent_id = $1`,
      id,
    );
    await fixture.start(id);
    expect(fixture.placed(id)).toEqual([]);
  });

  it('tries again what may pass, and takes everything back when it does not', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    let fails = 1;
    fixture.runtime.before = (step) => {
      if (step === 'place' && fails-- > 0) throw unreachable();
    };
    const { installId } = await fixture.installs.install(org.caller, id, 'caller', 'custom');
    await fixture.installer.install(installId, signal);
    expect(await fixture.installs.get(org.caller, id, 'caller')).toMatchObject({
      install: {
        state: 'pending',
        attempts: 1,
        error: { code: 'docker_unreachable' },
        nextAttemptAt: expect.any(Date),
      },
    });
    const again = async (): Promise<void> => {
      await rows('UPDATE skill_installs SET next_attempt_at = now() WHERE id = $1', installId);
      await fixture.installer.sweep(signal);
    };
    fails = 2;
    for (let attempt = 2; attempt <= 4; attempt += 1) await again();
    expect(await remains(id)).toEqual(everything);
    await fixture.uninstall(org.caller, id, 'caller');

    fails = 4;
    const second = await fixture.installs.install(org.caller, id, 'caller', 'custom');
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await rows('UPDATE skill_installs SET next_attempt_at = NULL WHERE id = $1', second.installId);
      await fixture.installer.sweep(signal);
    }
    const settled = fixture.installs.settle(org.caller, second, { timeoutMs: 0, signal });
    await expect(settled).rejects.toMatchObject({ code: 'docker_unreachable' });
    expect(await remains(id)).toEqual(NOTHING);
  });

  it('ends when the skill is uninstalled meanwhile', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const requested = await fixture.installs.install(org.caller, id, 'caller', 'custom');
    const installs = repositories()[0]!;
    const reach = installs.reach.bind(installs);
    jest.spyOn(installs, 'reach').mockImplementation(async (install, step, on) => {
      if (step === 'scanning') await fixture.installs.uninstall(org.caller, id, 'caller');
      return reach(install, step, on);
    });
    await fixture.installer.install(requested.installId, signal);
    await fixture.placer.sweep(signal);
    expect(await remains(id)).toEqual(NOTHING);
    const settled = fixture.installs.settle(org.caller, requested, { timeoutMs: 0, signal });
    await expect(settled).rejects.toMatchObject({ code: 'install_called_off' });
  });

  it('is asked for once by a request that is repeated', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    const key = '00000000-0000-4000-8000-0123456789ab';
    const first = await fixture.installs.install(org.caller, id, 'caller', 'custom', key);
    expect(await fixture.installs.install(org.caller, id, 'caller', 'custom', key)).toMatchObject(first);
    await fixture.installer.sweep(signal);
    expect(await remains(id)).toEqual(everything);
  });

  it('takes out of a workspace what could not be taken out at once', async () => {
    const { id } = await fixture.runningAgent(org.caller);
    await fixture.install(org.caller, id, 'caller', 'custom');
    fixture.runtime.before = (step) => {
      if (step === 'place') throw unreachable();
    };
    await fixture.uninstall(org.caller, id, 'caller');
    expect(fixture.placed(id)).toHaveLength(2);
    fixture.runtime.before = () => undefined;
    await rows('UPDATE skill_placements SET next_attempt_at = now() WHERE agent_id = $1', id);
    await fixture.placer.sweep(signal);
    expect(await remains(id)).toEqual(NOTHING);
  });

  it('is never undone by an instance that is made from what was read before', async () => {
    const { id } = await fixture.newAgent(org.caller);
    let installing: Promise<unknown> | undefined;
    fixture.runtime.before = async (step) => {
      if (step !== 'ensure' || installing) return;
      installing = fixture.install(org.caller, id, 'caller', 'custom');
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await fixture.start(id);
    await installing;
    expect(await remains(id)).toEqual(everything);
  });
});
