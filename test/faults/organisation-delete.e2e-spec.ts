import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestOrganisation, describeIf, eventually } from '#libs/testing';
import { type KilledWorker, type WorkerWorld, killedWorker, workerWorld } from './worker-world.js';

const CLI = 'dist/apps/api/src/cli/organisation-delete.js';

describeIf(process.platform === 'linux', 'kill -9 of the worker while an organisation is deleted', () => {
  let world: WorkerWorld;
  let worker: KilledWorker;

  beforeAll(async () => {
    world = await workerWorld();
    worker = await killedWorker(world);
  }, 60_000);
  afterAll(() => world.close(), 30_000);

  /** The operator's command; `answer` is what is typed. */
  async function deleteCommand(
    args: string[],
    answer = '',
  ): Promise<{ code: number | null; out: string; err: string }> {
    const env = { ...world.environment, PATH: process.env.PATH };
    const child = spawn(process.execPath, ['--no-warnings', CLI, ...args], { env });
    child.stdin.end(`${answer}\n`);
    const [out, err, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number | null>((done) => child.once('exit', done)),
    ]);
    return { code, out, err };
  }

  /** An organisation with agents that run and have stored files. */
  async function furnished(agents: number): Promise<TestOrganisation & { agentIds: string[] }> {
    const org = await world.organisation();
    const agentIds: string[] = [];
    for (let made = 0; made < agents; made++) {
      const { id } = await world.agents.create(org.caller, {
        name: `Doomed ${made}`,
        secrets: { openai_api_key: 'sk-canary-departure' },
        config: { llmProvider: 'openai' },
      });
      await world.reaches(id, 'running');
      agentIds.push(id);
    }
    const [first = ''] = agentIds;
    const note = join(world.dataDir, 'agents', first, 'workspace', 'note.md');
    writeFileSync(note, 'what it wrote');
    const { uid, gid } = statSync(dirname(note));
    chownSync(note, uid, gid);
    await world.agents.stop(org.caller, first);
    await world.reaches(first, 'stopped');
    return { ...org, agentIds };
  }
  const storedOf = (orgId: string): string => join(world.dataDir, 'storage', 'objects', 'orgs', orgId);
  const filesOf = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const count = async (table: string, column: string, id: string): Promise<number> =>
    (await world.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [id])).length;

  it.each([0, 400])(
    'finishes although the worker was killed %i ms after its beginning, and touches no other organisation',
    async (delayMs) => {
      const [doomed, other] = [await furnished(3), await furnished(2)];
      expect(filesOf(storedOf(doomed.orgId)).length).toBeGreaterThan(0);
      const [, neighbour = ''] = other.agentIds;
      const before = world.processes(neighbour);
      const kept = filesOf(storedOf(other.orgId));
      const begun = await deleteCommand([`test-${doomed.orgId}`, '--yes', '--wait', '0']);
      expect([begun.code, JSON.parse(begun.out)]).toEqual([0, expect.objectContaining({ organisation: doomed.orgId })]);
      await sleep(delayMs);
      await worker.replace();
      await eventually(async () => (await count('organisations', 'id', doomed.orgId)) === 0, { timeoutMs: 20_000 });
      for (const id of doomed.agentIds) {
        expect(world.processes(id)).toEqual([]);
        expect(filesOf(join(world.dataDir, 'agents', id))).toEqual([]);
        expect(await count('agents', 'id', id)).toBe(0);
      }
      expect(await count('organisation_keys', 'org_id', doomed.orgId)).toBe(0);
      expect(await count('secrets', 'org_id', doomed.orgId)).toBe(0);
      await eventually(() => filesOf(storedOf(doomed.orgId)).filter((name) => name.includes('agents/')).length === 0, {
        timeoutMs: 60_000,
      });
      expect(world.processes(neighbour)).toEqual(before);
      expect(filesOf(storedOf(other.orgId))).toEqual(kept);
      expect(await count('secrets', 'org_id', other.orgId)).toBe(2);
    },
    120_000,
  );

  it('asks for the slug, and deletes nothing for another answer or an unknown name', async () => {
    const org = await world.organisation();
    const slug = `test-${org.orgId}`;
    const wrong = await deleteCommand([slug], 'test');
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('nothing was deleted')]);
    expect(await count('organisations', 'id', org.orgId)).toBe(1);
    expect(await deleteCommand(['no-such-organisation', '--yes'])).toMatchObject({ code: 1 });
    expect(await deleteCommand([])).toMatchObject({ code: 1, err: expect.stringContaining('Usage') });
    const right = await deleteCommand([org.orgId], slug);
    expect([right.code, JSON.parse(right.out)]).toEqual([0, { organisation: org.orgId, slug, status: 'deleted' }]);
    expect(await count('organisations', 'id', org.orgId)).toBe(0);
  }, 60_000);
});
