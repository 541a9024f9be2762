import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '#libs/agents';
import { describeIf, eventually, freePort } from '#libs/testing';
import { type WorkerProcess, type WorkerWorld, killIfAlive, workerWorld } from './worker-world.js';

/** From the death of a host to its agents' running elsewhere. */
const RESCUED_WITHIN_MS = 60_000;

interface TestHost {
  readonly id: string;
  readonly dataDir: string;
  readonly environment: Record<string, string>;
  worker: WorkerProcess;
}

describeIf(process.platform === 'linux', 'hosts that are lost (process runtime, three hosts)', () => {
  let world: WorkerWorld;
  let killed: TestHost;
  let frozen: TestHost;
  let survivor: TestHost;

  beforeAll(async () => {
    world = await workerWorld();
    killed = await openHost('host-killed');
    frozen = await openHost('host-frozen');
    survivor = await openHost('host-survivor');
  }, 120_000);
  afterAll(async () => {
    if (frozen?.worker.child.exitCode === null) frozen.worker.child.kill('SIGCONT');
    await world?.close();
  }, 30_000);

  async function openHost(id: string): Promise<TestHost> {
    const dataDir = join(world.dataDir, id);
    mkdirSync(dataDir, { mode: 0o711 });
    const environment = {
      HOST_ID: id,
      DATA_DIR: dataDir,
      STORAGE_DIR: join(world.dataDir, 'storage'),
      WORKSPACE_SYNC_SECONDS: '10',
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(await freePort()),
    };
    return { id, dataDir, environment, worker: await world.startWorker(environment) };
  }

  /** An agent that runs on that host and whose notes are stored. */
  async function agentOn(host: TestHost): Promise<Agent> {
    await world.query('UPDATE hosts SET draining = (id <> $1)', [host.id]);
    const agent = await world.create(`On ${host.id}`);
    await world.query('UPDATE hosts SET draining = false');
    await world.reaches(agent.id, 'running');
    const notes = `learned on ${host.id}`;
    write(host, agent, notes);
    await eventually(
      async () => {
        const query = `SELECT path FROM agent_workspace_files WHERE agent_id = $1 AND path = 'notes.md'`;
        return (await world.query(query, [agent.id])).length === 1;
      },
      { timeoutMs: 30_000 },
    );
    return agent;
  }
  const workspaceOf = (host: TestHost, agent: Agent): string => join(host.dataDir, 'agents', agent.id, 'workspace');
  /** As the agent itself would: what others own is not the agent's. */
  function write(host: TestHost, agent: Agent, notes: string): void {
    const folder = workspaceOf(host, agent);
    const { uid, gid } = statSync(folder);
    writeFileSync(join(folder, 'notes.md'), notes);
    chownSync(join(folder, 'notes.md'), uid, gid);
  }
  const hostOf = async (agent: Agent): Promise<string> => {
    const query = 'SELECT host_id AS id, status FROM agents WHERE id = $1';
    const [row] = await world.query<{ id: string; status: string }>(query, [agent.id]);
    return `${row?.status} on ${row?.id}`;
  };
  const runOn = (host: TestHost, agent: Agent): number[] =>
    world.processes(agent.id).flatMap(({ pid }) => {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return environment.includes(`ROOKERY_WORKSPACE=${host.dataDir}/`) ? [pid] : [];
    });
  const comesTo = (host: TestHost, agent: Agent): Promise<unknown> =>
    eventually(async () => (await hostOf(agent)) === `running on ${host.id}`, {
      timeoutMs: RESCUED_WITHIN_MS,
      intervalMs: 250,
    });

  it('moves the agents of hosts that die or stand still, and those write and do nothing when they come back', async () => {
    const dead = await agentOn(killed);
    const still = await agentOn(frozen);
    // the frozen worker wakes in the middle of a command
    await world.agents.restart(world.org.caller, still.id);
    frozen.worker.child.kill('SIGSTOP');
    await killed.worker.end('SIGKILL');
    for (const { pid } of world.processes(dead.id)) killIfAlive(pid);

    await Promise.all([comesTo(survivor, dead), comesTo(survivor, still)]);
    expect(readFileSync(join(workspaceOf(survivor, dead), 'notes.md'), 'utf8')).toBe('learned on host-killed');
    expect(readFileSync(join(workspaceOf(survivor, still), 'notes.md'), 'utf8')).toBe('learned on host-frozen');
    const why = await world.agents.why(world.org.caller, dead.id);
    expect(why.transitions.map(({ cause }) => cause)).toContain(
      'host host-killed is lost; moved to host host-survivor',
    );

    const query = 'SELECT id, epoch, instance_epoch, status, host_id, event_seq FROM agents ORDER BY id';
    const before = await world.query(query);
    const processes = world.processes(still.id).filter(({ pid }) => !runOn(survivor, still).includes(pid));
    frozen.worker.child.kill('SIGCONT');
    killed.worker = await world.startWorker(killed.environment);
    await eventually(
      () => {
        expect([runOn(frozen, still), runOn(killed, dead)]).toEqual([[], []]);
        expect([existsSync(workspaceOf(frozen, still)), existsSync(workspaceOf(killed, dead))]).toEqual([false, false]);
        return true;
      },
      { timeoutMs: 30_000 },
    );
    await sleep(3_000);
    expect(await world.query(query)).toEqual(before);
    expect(processes.length).toBeLessThanOrEqual(1);
    expect([runOn(survivor, still).length, runOn(survivor, dead).length]).toEqual([1, 1]);
    const states = await world.query<{ id: string }>('SELECT id FROM hosts WHERE dead_since IS NOT NULL');
    expect(states).toEqual([]);
  }, 240_000);

  it('drains a host that is to be taken away, without losing what its agents wrote last', async () => {
    const agent = await agentOn(frozen);
    write(frozen, agent, 'written at last');
    await world.query(`UPDATE hosts SET draining = true WHERE id IN ('host-frozen', 'host-killed')`);
    await comesTo(survivor, agent);
    expect(readFileSync(join(workspaceOf(survivor, agent), 'notes.md'), 'utf8')).toBe('written at last');
    await eventually(() => !existsSync(workspaceOf(frozen, agent)), { timeoutMs: 15_000 });
    expect(await frozen.worker.end('SIGTERM')).toBe(0);
  }, 120_000);

  it('refuses a second worker of a host', async () => {
    await expect(world.startWorker(survivor.environment)).rejects.toThrow(/Another worker already runs the host/);
  }, 60_000);
});
