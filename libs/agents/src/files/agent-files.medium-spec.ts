import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { scopesOfRole } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture, demoAgent } from '../testing/agents-fixture.js';
import { AgentFilesService } from './agent-files.service.js';
import { MOST_RULES, MOST_VERSIONS, PERSONALITY_FILES, fileHash } from './file-rules.js';
import { personalityTemplates } from './personality-templates.js';

describe('AgentFilesService', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let foreign: TestOrganisation;
  let at: AgentsFixture;
  let files: AgentFilesService;
  let id: string;

  beforeAll(async () => {
    db = await testDatabase();
    at = await agentsFixture(db);
    files = at.app.get(AgentFilesService);
    org = await testOrganisation(db.database);
    foreign = await testOrganisation(db.database);
  });
  beforeEach(async () => {
    ({ id } = await at.runningAgent(org.caller, { soulMd: 'first' }));
  });
  afterAll(async () => {
    await at.close();
    await db.close();
  });

  const writeSoul = (content: string, expectedHash?: string) =>
    files.writeDocument(org.caller, id, 'SOUL.md', content, { field: 'soulMd', expectedHash });
  const soul = async () => (await files.documents(org.caller, id, 'SOUL.md'))[0];
  const agentRow = async () => {
    const [row] = await db.database.query<{ desired_generation: number; event_seq: string }>(
      'SELECT desired_generation, event_seq FROM agents WHERE id = $1',
      [id],
    );
    return row!;
  };

  it('gives a new agent its documents and an example rule that WORKFLOW.md refers to', async () => {
    const { id: other } = await at.agents.create(org.caller, demoAgent({ name: 'Grace' }));
    const [soulMd, identity, workflow] = await files.documents(
      org.caller,
      other,
      'SOUL.md',
      'IDENTITY.md',
      'WORKFLOW.md',
    );
    expect(identity.content).toContain('Grace');
    expect(workflow.content).toContain('rules/example-new-request.md');
    expect(soulMd).toMatchObject({ version: 1, sha256: fileHash(soulMd.content), updatedAt: expect.any(Date) });
    const rules = await files.rules(org.caller, other);
    const rule = await files.rule(org.caller, other, 'example-new-request');
    expect(rules).toEqual([{ name: 'example-new-request', sizeBytes: Buffer.byteLength(rule.content) }]);
  });

  it('writes personality files together, and leaves what somebody wrote unless told otherwise', async () => {
    const texts = personalityTemplates({ name: 'Ada', model: 'demo', persona: 'A dry wit.' });
    expect((await files.personality(org.caller, id)).map(({ path }) => path)).toEqual(['SOUL.md', 'IDENTITY.md']);
    const before = await agentRow();
    await files.writePersonality(org.caller, id, texts);
    expect((await agentRow()).desired_generation).toBe(before.desired_generation + 1);
    const written = await files.personality(org.caller, id);
    expect(written.map(({ path }) => path)).toEqual([...PERSONALITY_FILES]);
    expect(written[0]!.content).toBe('first');
    expect(written[3]!.content).toContain('A dry wit.');
    await files.writePersonality(org.caller, id, texts, { force: true });
    expect((await soul()).content).toContain('A dry wit.');
    expect(await files.version(org.caller, id, 'SOUL.md', 1)).toMatchObject({ content: 'first' });
    await at.agents.restart(org.caller, id);
    await at.sweep();
    const { workspace } = [...at.runtime.host.agents].find(([agent]) => agent === id)![1];
    for (const path of PERSONALITY_FILES) expect(workspace.get(path)).toBe(texts[path]);
    await files.removeDocument(org.caller, id, 'USER.md');
    await expect(files.removeDocument(org.caller, id, 'USER.md')).rejects.toMatchObject({ kind: 'not_found' });
    expect(await files.removePersonality(org.caller, id)).toBe(7);
    expect(await files.personality(org.caller, id)).toEqual([]);
  });

  it('refuses personality files of others, and ones that no agent would read', async () => {
    const viewer = { ...org.caller, scopes: scopesOfRole('VIEWER') };
    const text = { 'SOUL.md': 'x' };
    await expect(files.writePersonality(viewer, id, text)).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(files.writePersonality(foreign.caller, id, text)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(files.removePersonality(foreign.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(files.personality(foreign.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    const tooLong = { 'SOUL.md': 'x', 'USER.md': 'x'.repeat(65_537) };
    await expect(files.writePersonality(org.caller, id, tooLong, { force: true })).rejects.toMatchObject({
      kind: 'validation',
    });
    expect((await soul()).content).toBe('first');
  });

  it('writes what is wanted, flags a running agent and leaves an event; a restart brings the files in', async () => {
    await files.writeRule(org.caller, id, 'old', 'old');
    const { file, needsRestart } = await writeSoul('second ä', fileHash('first'));
    expect(file).toMatchObject({ content: 'second ä', sha256: fileHash('second ä'), version: 2 });
    expect(needsRestart).toBe(true);
    expect((await at.agents.get(org.caller, id)).needsRestart).toBe(true);
    const events = await db.database.query<{ data: unknown }>(
      `SELECT data FROM events WHERE thing_id = $1 AND type = 'agent.updated' ORDER BY seq`,
      [id],
    );
    expect(events.map(({ data }) => data)).toEqual([
      { fields: ['rules/old.md'], cause: org.caller.subject },
      { fields: ['SOUL.md'], cause: org.caller.subject },
    ]);
    const ensured: string[][] = [];
    const ensure = at.runtime.ensure.bind(at.runtime);
    at.runtime.ensure = (spec, signal) => {
      ensured.push(spec.files.map(({ path, content }) => `${path}=${content.slice(0, 8)}`));
      return ensure(spec, signal);
    };
    await at.agents.restart(org.caller, id);
    await at.reconciler.reconcile(id);
    await files.removeRule(org.caller, id, 'old');
    await at.agents.restart(org.caller, id);
    await at.reconciler.reconcile(id);
    at.runtime.ensure = ensure;
    expect(ensured[0]).toEqual(expect.arrayContaining(['SOUL.md=second ä', 'rules/old.md=old']));
    expect(ensured[1]).not.toContain('rules/old.md=old');
    expect((await at.agents.get(org.caller, id)).needsRestart).toBe(false);
  });

  it('does not flag a stopped agent', async () => {
    await at.agents.stop(org.caller, id);
    await at.reconciler.reconcile(id);
    expect((await writeSoul('second')).needsRestart).toBe(false);
    expect((await files.writeRule(org.caller, id, 'a', 'x')).needsRestart).toBe(false);
    expect((await files.removeRule(org.caller, id, 'a')).needsRestart).toBe(false);
    expect((await at.agents.get(org.caller, id)).needsRestart).toBe(false);
  });

  it('refuses a stale hash and changes nothing', async () => {
    const before = await agentRow();
    for (const hash of [fileHash('other'), 'nonsense', '']) {
      await expect(writeSoul('mine', hash)).rejects.toMatchObject({ kind: 'conflict' });
    }
    expect(await soul()).toMatchObject({ content: 'first', version: 1 });
    expect((await files.versions(org.caller, id, 'SOUL.md')).total).toBe(1);
    expect(await agentRow()).toEqual(before);
  });

  it('lets exactly one of many writers with the same hash win, and keeps all that came before', async () => {
    const hash = fileHash('first');
    const answers = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => writeSoul(`writer ${n}`, hash)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await soul()).version).toBe(2);
    await Promise.all(Array.from({ length: 12 }, (_, n) => writeSoul(`again ${n}`)));
    const { items } = await files.versions(org.caller, id, 'SOUL.md');
    expect(items.map(({ version }) => version)).toEqual(Array.from({ length: 14 }, (_, n) => 14 - n));
    expect(new Set(items.map(({ sha256 }) => sha256)).size).toBe(14);
  });

  it('writes a rule that many make at once without losing one of their contents', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, n) => files.writeRule(org.caller, id, 'race', `content ${n}`)));
    const [row] = await db.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM agent_file_versions WHERE agent_id = $1 AND path = 'rules/race.md'`,
      [id],
    );
    expect(row).toEqual({ n: 7 });
  });

  it('does not count writing the same again as a new version', async () => {
    const before = await soul();
    const again = await writeSoul('first');
    expect(again).toEqual({ file: before, needsRestart: true });
    expect((await files.versions(org.caller, id, 'SOUL.md')).total).toBe(1);
  });

  it('goes back to a version, under the same conditions as any write', async () => {
    await writeSoul('second');
    await writeSoul('third');
    expect((await files.version(org.caller, id, 'SOUL.md', 1)).content).toBe('first');
    expect((await files.version(org.caller, id, 'SOUL.md', 3)).content).toBe('third');
    const stale = files.restore(org.caller, id, 'SOUL.md', 1, { expectedHash: fileHash('second') });
    await expect(stale).rejects.toMatchObject({ kind: 'conflict' });
    const restored = await files.restore(org.caller, id, 'SOUL.md', 1, { expectedHash: fileHash('third') });
    expect(restored).toMatchObject({ file: { content: 'first', version: 4 }, needsRestart: true });
    const { items } = await files.versions(org.caller, id, 'SOUL.md');
    expect(items.map(({ version, isCurrent }) => [version, isCurrent])).toEqual([
      [4, true],
      [3, false],
      [2, false],
      [1, false],
    ]);
    expect(items.map(({ updatedBy }) => updatedBy)).toEqual([...Array<string>(3).fill(org.caller.subject), null]);
    for (const version of [0, 5, -1, 1.5, NaN, 3e9]) {
      await expect(files.restore(org.caller, id, 'SOUL.md', version)).rejects.toMatchObject({ kind: 'not_found' });
    }
  });

  it('keeps a deleted rule as a version and counts on when it comes back', async () => {
    await files.writeRule(org.caller, id, 'daily', 'one');
    await files.removeRule(org.caller, id, 'daily');
    await expect(files.rule(org.caller, id, 'daily')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(files.removeRule(org.caller, id, 'daily')).rejects.toMatchObject({ kind: 'not_found' });
    expect((await files.writeRule(org.caller, id, 'daily', 'two')).file.version).toBe(2);
    const kept = await db.database.query('SELECT content FROM agent_file_versions WHERE path = $1 AND agent_id = $2', [
      'rules/daily.md',
      id,
    ]);
    expect(kept).toEqual([{ content: 'one' }]);
  });

  it('keeps a bounded number of versions', async () => {
    for (let n = 0; n < MOST_VERSIONS + 5; n += 1) await writeSoul(`content ${n}`);
    const { items } = await files.versions(org.caller, id, 'SOUL.md');
    expect(items).toHaveLength(MOST_VERSIONS + 1);
    expect([items[0]?.version, items.at(-1)?.version]).toEqual([MOST_VERSIONS + 6, 6]);
    await expect(files.version(org.caller, id, 'SOUL.md', 5)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('refuses a rule too many, but replaces those there are', async () => {
    await db.database.query(
      `INSERT INTO agent_files (agent_id, org_id, path, content, sha256)
       SELECT $1, $2, 'rules/r' || n || '.md', '', '' FROM generate_series(1, $3) n`,
      [id, org.orgId, MOST_RULES - 1],
    );
    const before = await agentRow();
    await expect(files.writeRule(org.caller, id, 'more', 'x')).rejects.toMatchObject({ kind: 'conflict' });
    expect(await agentRow()).toEqual(before);
    await files.writeRule(org.caller, id, 'r1', 'x');
    await files.removeRule(org.caller, id, 'r2');
    await files.writeRule(org.caller, id, 'more', 'x');
  });

  it('erases files and versions with the agent', async () => {
    await writeSoul('second');
    await at.agents.delete(org.caller, id);
    await expect(writeSoul('third')).rejects.toMatchObject({ kind: 'not_found' });
    await at.reconciler.reconcile(id);
    for (const table of ['agent_files', 'agent_file_versions']) {
      expect(await db.database.query(`SELECT 1 FROM ${table} WHERE agent_id = $1`, [id])).toEqual([]);
    }
  });

  it('does not exist for another organisation, and needs the scope', async () => {
    const before = await agentRow();
    const attempts = (caller: typeof org.caller) => [
      files.documents(caller, id, 'SOUL.md'),
      files.workflow(caller, id),
      files.rules(caller, id),
      files.rule(caller, id, 'example-new-request'),
      files.versions(caller, id, 'SOUL.md'),
      files.version(caller, id, 'SOUL.md', 1),
      files.writeDocument(caller, id, 'SOUL.md', 'x', { field: 'soulMd' }),
      files.writeRule(caller, id, 'a', 'x'),
      files.removeRule(caller, id, 'example-new-request'),
      files.restore(caller, id, 'SOUL.md', 1),
    ];
    for (const attempt of await Promise.allSettled(attempts(foreign.caller))) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { kind: 'not_found', message: 'Agent not found' } });
    }
    for (const attempt of await Promise.allSettled(attempts({ ...org.caller, scopes: [] }))) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { kind: 'forbidden' } });
    }
    const viewer = { ...org.caller, role: 'VIEWER' as const, scopes: scopesOfRole('VIEWER') };
    await expect(files.writeRule(viewer, id, 'a', 'x')).rejects.toMatchObject({ kind: 'forbidden' });
    expect(await agentRow()).toEqual(before);
  });
});
