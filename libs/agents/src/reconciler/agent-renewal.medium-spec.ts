import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeHost } from '#libs/containers';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import type { Agent } from '../agent.js';
import { type AgentsFixture, agentsFixture } from '../testing/agents-fixture.js';

const signal = new AbortController().signal;

describe('repair and reset of the memory', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let world: FakeHost;
  let at: AgentsFixture;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
  });
  beforeEach(async () => {
    world = new FakeHost();
    at = await agentsFixture(db, world);
  });
  afterEach(async () => {
    await at.close();
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
  });
  afterAll(() => db.close());

  const agentOf = (id: string): Promise<Agent> => at.agents.get(org.caller, id);
  const workspaceOf = (id: string): Map<string, string> => world.agents.get(id)!.workspace;
  const paths = (id: string): string[] => [...workspaceOf(id).keys()].sort();
  const stored = async (id: string): Promise<string[]> => {
    const rows = await db.database.query<{ path: string }>(
      'SELECT path FROM agent_workspace_files WHERE agent_id = $1 ORDER BY path',
      [id],
    );
    return rows.map(({ path }) => path);
  };
  const OWNERS = ['IDENTITY.md', 'SOUL.md', 'WORKFLOW.md', 'rules/example-new-request.md'];
  const NOTES = {
    'memory/operator/a.md': 'a secret',
    'MEMORY.md': 'all',
    '.state/transcripts.db': 'x',
    'work/plan.md': 'a plan',
  };
  const remembering = async (): Promise<string> => {
    const { id } = await at.runningAgent(org.caller, { soulMd: 'I am Ada' });
    for (const [path, text] of Object.entries(NOTES)) workspaceOf(id).set(path, text);
    return id;
  };
  /** From the given step on, once, nothing is this worker's any more. */
  const dieAt = (step: string, id: string): void => {
    let isDead = false;
    at.runtime.before = async (at_) => {
      if (at_ !== step || isDead) return;
      isDead = true;
      await db.database.query('UPDATE agents SET epoch = epoch + 1 WHERE id = $1', [id]);
    };
  };
  const nextWorker = async (): Promise<void> => {
    await at.close();
    at = await agentsFixture(db, world);
    await at.sweep();
  };
  const actions = async (id: string): Promise<string[]> => {
    const rows = await db.database.query<{ action: string }>(
      'SELECT action FROM audit_events WHERE resource = $1 ORDER BY id',
      [`agent:${id}`],
    );
    return rows.map(({ action }) => action);
  };

  describe('a repair', () => {
    it('makes instance and connections anew, writes the files again, and keeps what the agent wrote', async () => {
      const id = await remembering();
      const before = await at.runtime.inspect(id);
      workspaceOf(id).set('SOUL.md', 'spoilt');
      expect(await at.agents.repair(org.caller, id)).toMatchObject({ status: 'restarting' });
      await at.sweep();
      const after = await at.runtime.inspect(id);
      expect(after.epoch).toBeGreaterThan(before.epoch ?? 0);
      expect(after.endpoint).not.toBe(before.endpoint);
      expect(await agentOf(id)).toMatchObject({ status: 'running', lastError: null });
      expect(workspaceOf(id).get('SOUL.md')).toBe('I am Ada');
      expect(workspaceOf(id).get('memory/operator/a.md')).toBe('a secret');
      expect((await at.agents.why(org.caller, id)).transitions.map(({ cause }) => cause)).toContain(
        'to be made anew: network and instance are gone',
      );
      expect(await actions(id)).toContain('agent.repair');
    });

    it('ends a crash loop and its waiting', async () => {
      const id = await remembering();
      await db.database.query(
        `UPDATE agents SET status = 'error', attempts = 6, error_category = 'crash_loop', last_error = 'again',
                instance_epoch = NULL, endpoint = NULL, next_attempt_at = 'infinity' WHERE id = $1`,
        [id],
      );
      await at.sweep();
      expect((await agentOf(id)).status).toBe('error');
      await at.agents.repair(org.caller, id);
      await at.sweep();
      expect(await agentOf(id)).toMatchObject({ status: 'running', errorCategory: null });
      expect(await at.agents.why(org.caller, id)).toMatchObject({ attempt: 0 });
    });

    it('starts a paused agent', async () => {
      const id = await remembering();
      await at.agents.pause(org.caller, id);
      await at.sweep();
      await at.agents.repair(org.caller, id);
      await at.sweep();
      expect(await agentOf(id)).toMatchObject({ status: 'running', pausedAt: null });
    });

    it.each(['stop', 'remove', 'ensure', 'start', 'probe'])('survives a worker that dies at %s', async (step) => {
      const id = await remembering();
      await at.agents.repair(org.caller, id);
      dieAt(step, id);
      await at.sweep();
      await nextWorker();
      expect(await agentOf(id)).toMatchObject({ status: 'running' });
      expect(workspaceOf(id).get('work/plan.md')).toBe('a plan');
    });
  });

  describe('a reset of the memory', () => {
    it('forgets notes and conversations, and nothing that makes the agent what it is', async () => {
      const id = await remembering();
      await at.files.syncNow(id, signal, 5_000);
      expect(await stored(id)).toEqual(['MEMORY.md', 'memory/operator/a.md', 'work/plan.md']);
      await at.agents.resetMemory(org.caller, id);
      await at.sweep();
      expect(await agentOf(id)).toMatchObject({ status: 'running' });
      expect(paths(id)).toEqual([...OWNERS, 'work/plan.md']);
      expect(await stored(id)).toEqual(['work/plan.md']);
      const due = await db.database.query('SELECT 1 FROM storage_deletions WHERE org_id = $1', [org.caller.orgId]);
      expect(due.length).toBeGreaterThanOrEqual(2);
      expect(await actions(id)).toContain('agent.reset_memory');
    });

    it('is not undone by the stored files when the agent starts elsewhere', async () => {
      const id = await remembering();
      await at.agents.resetMemory(org.caller, id);
      await at.sweep();
      await at.agents.stop(org.caller, id);
      await at.sweep();
      world.agents.delete(id);
      await at.agents.start(org.caller, id);
      await at.sweep();
      expect(paths(id)).toEqual([...OWNERS, 'work/plan.md']);
    });

    it('comes back with what users wrote into a file of the same name', async () => {
      const id = await remembering();
      await db.database.query(
        `INSERT INTO agent_files (agent_id, org_id, path, content, sha256) VALUES ($1, $2, 'MEMORY.md', 'from its owner', 'x')`,
        [id, org.caller.orgId],
      );
      await at.agents.resetMemory(org.caller, id);
      await at.sweep();
      expect(workspaceOf(id).get('MEMORY.md')).toBe('from its owner');
    });

    it('leaves a stopped agent stopped, and a paused one paused', async () => {
      const id = await remembering();
      await at.agents.pause(org.caller, id);
      await at.sweep();
      await at.agents.resetMemory(org.caller, id);
      await at.sweep();
      const settled = await at.agents.settle(org.caller, id, { timeoutMs: 5_000, signal });
      expect(settled).toMatchObject({ status: 'stopped', pausedAt: expect.any(Date) });
      expect(paths(id)).toEqual([...OWNERS, 'work/plan.md']);
    });

    it.each(['stop', 'read', 'remove', 'erase', 'ensure', 'start', 'probe'])(
      'survives a worker that dies at %s',
      async (step) => {
        const id = await remembering();
        await at.agents.resetMemory(org.caller, id);
        dieAt(step, id);
        await at.sweep();
        await nextWorker();
        expect(await agentOf(id)).toMatchObject({ status: 'running' });
        expect(paths(id)).toEqual([...OWNERS, 'work/plan.md']);
        expect(await stored(id)).toEqual(['work/plan.md']);
      },
    );

    it('is tried again when it failed, and the agent does not run with its memory meanwhile', async () => {
      const id = await remembering();
      let failures = 2;
      at.runtime.before = (step) => {
        if (step === 'erase' && failures-- > 0) throw new Error('the disk is busy');
      };
      await at.agents.resetMemory(org.caller, id);
      for (let round = 0; round < 4; round++) {
        await db.database.query('UPDATE agents SET next_attempt_at = NULL WHERE id = $1', [id]);
        await at.sweep();
      }
      expect(await agentOf(id)).toMatchObject({ status: 'running', lastError: null });
      expect(paths(id)).toEqual([...OWNERS, 'work/plan.md']);
    });
  });

  it('are nothing that another organisation can ask for', async () => {
    const id = await remembering();
    const other = await testOrganisation(db.database);
    await expect(at.agents.repair(other.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(at.agents.resetMemory(other.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    await at.sweep();
    expect(workspaceOf(id).get('memory/operator/a.md')).toBe('a secret');
  });
});
