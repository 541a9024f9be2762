import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { CONTAINER_RUNTIME, FakeHost } from '#libs/containers';
import { Logger } from '#libs/observability';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { AGENT_EVENTS, AgentEvent } from '../agents.events.js';
import { type AgentStatus, canMove } from '../agent.state.js';
import { type AgentsFixture, agentsFixture, demoAgent } from '../testing/agents-fixture.js';
import { Failpoints } from '../testing/failpoints.js';
import type { WorkspaceSync } from '../workspace/workspace-sync.js';
import { AgentMoves } from './agent-moves.js';
import { AgentProgress } from './agent-progress.js';
import { AgentRenewal } from './agent-renewal.js';
import { AgentSpecs } from './agent-spec.js';
import { AgentWatcher } from './agent-watcher.js';
import { InstanceRemains } from './instance-remains.js';
import { AgentReconciler } from './reconciler.js';
import { WatchRepository } from './watch.repository.js';

const signal = new AbortController().signal;
const NOTES = 'notes.md';
/** The worker after the dead one needs one round for each thing to do. */
const MOST_ROUNDS = 5;

/** What of a worker acts on agents. The one after it is made anew, over the same host and database. */
interface Worker {
  readonly reconciler: AgentReconciler;
  readonly watcher: AgentWatcher;
  readonly files: WorkspaceSync;
}

function newWorker({ app, files }: AgentsFixture): Worker {
  const [runtime, remains, logger] = [app.get(CONTAINER_RUNTIME), app.get(InstanceRemains), app.get(Logger)];
  const [progress, specs, moves] = [app.get(AgentProgress), app.get(AgentSpecs), app.get(AgentMoves)];
  const reconciler = new AgentReconciler(progress, runtime, specs, remains, moves, logger, app.get(AgentRenewal));
  const watcher = new AgentWatcher(app.get(WatchRepository), runtime, reconciler, remains.shipper, logger);
  return { reconciler, watcher, files };
}

async function sweep({ reconciler }: Worker): Promise<void> {
  await reconciler.sweep();
  await reconciler.runner.idle();
}

interface Operation {
  readonly name: string;
  readonly from?: 'running' | 'stopped';
  readonly to: AgentStatus;
  /** What the owner wants, or has happened; the worker's part comes after it. */
  command(at: AgentsFixture, org: TestOrganisation, id: string): Promise<unknown>;
  work?(worker: Worker, id: string): Promise<void>;
  /** The model the instance is made with. */
  readonly model?: string;
}

const create = (at: AgentsFixture, org: TestOrganisation, id: string) =>
  at.agents.create(org.caller, demoAgent({ soulMd: 'I am Ada' }), id);

const OPERATIONS: readonly Operation[] = [
  { name: 'create', to: 'running', command: create },
  { name: 'stop', from: 'running', to: 'stopped', command: (at, org, id) => at.agents.stop(org.caller, id) },
  { name: 'start', from: 'stopped', to: 'running', command: (at, org, id) => at.agents.start(org.caller, id) },
  { name: 'pause', from: 'running', to: 'stopped', command: (at, org, id) => at.agents.pause(org.caller, id) },
  {
    name: 'resume',
    from: 'running',
    to: 'running',
    command: async (at, org, id) => {
      await at.agents.pause(org.caller, id);
      await at.sweep();
      await at.agents.resume(org.caller, id);
    },
  },
  { name: 'repair', from: 'running', to: 'running', command: (at, org, id) => at.agents.repair(org.caller, id) },
  {
    name: 'reset of the memory',
    from: 'running',
    to: 'running',
    command: (at, org, id) => at.agents.resetMemory(org.caller, id),
  },
  { name: 'restart', from: 'running', to: 'running', command: (at, org, id) => at.agents.restart(org.caller, id) },
  {
    name: 'change of the configuration',
    from: 'running',
    to: 'running',
    model: 'demo-2',
    command: async (at, org, id) => {
      await at.agents.update(org.caller, id, { config: { model: 'demo-2' } });
      await at.agents.restart(org.caller, id);
    },
  },
  {
    name: 'end of the instance by itself',
    from: 'running',
    to: 'running',
    command: async (at, _org, id) => at.runtime.crash(id, { exitCode: 1 }),
    work: ({ watcher, reconciler }) => watcher.watch(signal).then(() => reconciler.runner.idle()),
  },
  {
    name: 'save of its files',
    from: 'running',
    to: 'running',
    command: async (at, _org, id) => at.runtime.host.agents.get(id)!.workspace.set(NOTES, 'newer'),
    work: async ({ files }, id) => void (await files.syncNow(id, signal)),
  },
  {
    name: 'restore of its files',
    from: 'stopped',
    to: 'running',
    command: async (at, org, id) => {
      at.runtime.host.agents.delete(id);
      await at.agents.start(org.caller, id);
    },
  },
  { name: 'delete', from: 'running', to: 'deleted', command: (at, org, id) => at.agents.delete(org.caller, id) },
];

describe('a worker that dies anywhere (fake runtime)', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let host: FakeHost;
  let at: AgentsFixture;
  let failpoints: Failpoints;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
    host = new FakeHost();
    at = await agentsFixture(db, host);
    failpoints = new Failpoints(at);
  });
  afterEach(async () => {
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
    host.agents.clear();
  });
  afterAll(async () => {
    await at.close();
    await db.close();
  });

  async function prepared({ from }: Operation): Promise<string> {
    const id = randomUUID();
    if (from === undefined) return id;
    await create(at, org, id);
    await at.sweep();
    host.agents.get(id)!.workspace.set(NOTES, 'notes');
    await at.files.syncNow(id, signal);
    if (from === 'stopped') {
      await at.agents.stop(org.caller, id);
      await at.sweep();
    }
    return id;
  }

  /** Gives the command to a worker that dies at that point, or at none; another goes on. */
  async function run(operation: Operation, fatal?: number): Promise<{ id: string; passed: readonly string[] }> {
    const id = await prepared(operation);
    await operation.command(at, org, id);
    const worker = newWorker(at);
    const passed = await failpoints.live(() => (operation.work ?? sweep)(worker, id), fatal);
    await settle(operation, id);
    return { id, passed };
  }

  async function settle(operation: Operation, id: string): Promise<void> {
    const next = newWorker(at);
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await sweep(next);
      await next.watcher.watch(signal);
      await next.reconciler.runner.idle();
      await next.files.syncDue(signal);
      const [row] = await db.database.query<{ status: AgentStatus }>('SELECT status FROM agents WHERE id = $1', [id]);
      if (row?.status === operation.to) return;
    }
  }

  async function ways(id: string): Promise<string[]> {
    const rows = await db.database.query<{ from: AgentStatus | null; to: AgentStatus }>(
      `SELECT data->>'from' AS from, data->>'to' AS to FROM events WHERE thing_kind = $1 AND thing_id = $2 AND type = $3`,
      [AGENT_EVENTS, id, AgentEvent.status],
    );
    return rows.flatMap(({ from, to }) => (from === null || canMove(from, to) ? [] : [`${from} to ${to}`]));
  }

  /** What is wrong with the agent; nothing when the operation is done as a whole. */
  async function faults(operation: Operation, id: string): Promise<unknown> {
    const [row] = await db.database.query<Record<string, unknown>>('SELECT * FROM agents WHERE id = $1', [id]);
    const agent = host.agents.get(id);
    const runs = operation.to === 'running';
    const seen = {
      status: row?.status,
      instance: agent?.instance?.status ?? null,
      epoch: agent?.instance?.spec.epoch ?? null,
      model: agent?.instance?.spec.env.ROOKERY_MODEL,
      folder: agent !== undefined,
      notes: agent?.workspace.get(NOTES),
      ways: await ways(id),
    };
    const notes = operation.name === 'save of its files' ? 'newer' : operation.from && 'notes';
    const expected = {
      status: operation.to,
      instance: runs ? 'running' : null,
      epoch: runs ? Number(row?.instance_epoch) : null,
      model: runs ? (operation.model ?? 'demo') : undefined,
      folder: operation.to !== 'deleted',
      notes: operation.to === 'deleted' ? undefined : notes,
      ways: [],
    };
    return JSON.stringify(seen) === JSON.stringify(expected) ? undefined : { seen, expected };
  }

  it.each(OPERATIONS)(
    '$name',
    async (operation) => {
      const { id, passed } = await run(operation);
      expect(await faults(operation, id)).toBeUndefined();
      expect(passed.length).toBeGreaterThan(1);
      const failures: unknown[] = [];
      for (const [fatal, point] of passed.entries()) {
        // between the end of an effect and the next one nothing happens
        if (fatal > 0 && point.startsWith('before')) continue;
        const broken = await run(operation, fatal);
        const wrong = await faults(operation, broken.id);
        if (wrong) failures.push({ point, wrong });
        await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
      }
      expect(failures).toEqual([]);
    },
    120_000,
  );
});
