import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule, QueueRegistry } from '#libs/queue';
import { testConfig } from '#libs/testing';
import { agentProcesses } from '../programs.js';
import type { AgentFact, EventFact, Evidence, RunFact } from './evidence.js';
import { grouped } from './grouped.js';
import type { Recorder } from './history.js';
import type { Witness } from './witness.js';
import type { World } from './world.js';

const AGENTS = `
  SELECT id, name, status, desired_state AS desired, paused_at IS NOT NULL AS "isPaused", config->>'history' AS value,
         image, previous_image AS "previousImage",
         observed_restart_generation = restart_generation AND (desired_state = 'deleted' OR NOT repair_wanted AND NOT memory_reset_wanted)
           AND (desired_state <> 'running' OR previous_image IS NULL) AS "isDone",
         last_error AS "lastError", event_seq::int AS events, instance_epoch IS NOT NULL OR endpoint IS NOT NULL AS "hasInstance"
    FROM agents ORDER BY created_at`;
const EVENTS = `SELECT thing_id AS "agentId", seq::int, type, data FROM events WHERE thing_kind = 'agent' ORDER BY thing_id, seq`;
const RUNS = `
  SELECT r.id, r.agent_id AS "agentId", r.status,
         coalesce(jsonb_agg(jsonb_build_object('role', m.role, 'content', m.content) ORDER BY m.id) FILTER (WHERE m.content <> ''), '[]')
           AS messages
    FROM runs r LEFT JOIN messages m ON m.run_id = r.id GROUP BY r.id`;
/** Tables whose rows go with their agent. */
const OWNED = [
  ...['agent_files', 'agent_file_versions', 'agent_workspaces', 'agent_workspace_files', 'agent_stats', 'log_cursors'],
  ...['log_lines', 'chat_sessions', 'runs', 'messages'],
];
const ROWS_LEFT = [
  ...OWNED.map((table) => `SELECT agent_id AS id, '${table}' AS thing FROM ${table}`),
  `SELECT owner_id, 'secrets' FROM secrets WHERE owner_kind = 'agent'`,
].join(' UNION ');

/** Looks at everything from outside, once the faults are over. */
export class Findings {
  private constructor(
    private readonly world: World,
    private readonly recorder: Recorder,
    private readonly witness: Witness,
    private readonly app: INestApplicationContext,
  ) {}

  static async open(world: World, recorder: Recorder, witness: Witness): Promise<Findings> {
    const { DATABASE_URL: databaseUrl = '', REDIS_URL: redisUrl, DATA_DIR: dataDir = '' } = world.environment;
    const root = {
      module: class QueueReader {},
      imports: [
        ConfigModule.forRoot(testConfig({ databaseUrl, dataDir }, { redisUrl })),
        LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
        DatabaseModule.forRoot(),
        QueueModule.forProducer(),
      ],
    };
    const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    return new Findings(world, recorder, witness, app);
  }

  close(): Promise<void> {
    return this.app.close();
  }

  /** What is still on its way; empty when everything has come to rest. */
  async unsettled(): Promise<string[]> {
    const { rows: agents } = await this.world.pool.query<AgentFact>(AGENTS);
    const pids = this.pidsOf();
    const { rows: runs } = await this.world.pool.query<{ id: string }>(`SELECT id FROM runs WHERE status = 'running'`);
    const { rows: outbox } = await this.world.pool.query<{ job: string }>('SELECT job FROM outbox');
    const waiting = await Promise.all(
      (await this.queues()).map((queue) => queue.getJobs(['waiting', 'active', 'prioritized'])),
    );
    return [
      ...agents
        .filter(({ id, status, desired, isDone }) => {
          const wanted = desired === 'running' ? 1 : 0;
          return status !== desired || !isDone || (pids.get(id)?.length ?? 0) !== wanted;
        })
        .map((agent) => `agent ${JSON.stringify({ ...agent, pids: pids.get(agent.id) ?? [] })}`),
      ...runs.map(({ id }) => `run ${id}`),
      ...outbox.map(({ job }) => `outbox ${job}`),
      ...waiting.flat().map((job) => `job ${job.name} ${job.id}`),
      ...this.thingsOnDisk()
        .filter(({ agentId }) => !agents.some(({ id, desired }) => id === agentId && desired !== 'deleted'))
        .map(({ thing, agentId }) => `${thing} of ${agentId}`),
    ];
  }

  async evidence(): Promise<Evidence> {
    const { pool, dataDir } = this.world;
    const [agents, events, runs, left] = await Promise.all([
      pool.query<Omit<AgentFact, 'keeps' | 'openTokens' | 'pids' | 'status404'> & { hasInstance: boolean }>(AGENTS),
      pool.query<EventFact>(EVENTS),
      pool.query<RunFact>(RUNS),
      pool.query<{ id: string; thing: string }>(ROWS_LEFT),
    ]);
    const pids = this.pidsOf();
    const things = this.thingsOnDisk();
    const facts = agents.rows.map(async ({ hasInstance, ...agent }): Promise<AgentFact> => {
      const rows = left.rows.filter(({ id }) => id === agent.id).map(({ thing }) => `rows of ${thing}`);
      const disk = things.filter(({ agentId }) => agentId === agent.id).map(({ thing }) => thing);
      const keeps = [...rows, ...disk, ...(hasInstance ? ['an instance'] : [])];
      const [openTokens, status] = await Promise.all([this.openTokens(agent.id), this.statusOf(agent.id)]);
      return { ...agent, keeps, openTokens, pids: pids.get(agent.id) ?? [], status404: status === 404 };
    });
    const known = new Set(agents.rows.map(({ id }) => id));
    const processes = agentProcesses(dataDir).map(({ agentId, pid }) => ({ agentId, thing: `process ${pid}` }));
    return {
      images: this.world.door.images,
      operations: this.recorder.operations,
      agents: await Promise.all(facts),
      events: events.rows,
      runs: runs.rows,
      sightings: this.witness.sightings,
      doubled: this.witness.doubled,
      strays: [...things, ...processes]
        .filter(({ agentId }) => !known.has(agentId))
        .map(({ thing, agentId }) => `${thing} of ${agentId}`),
      failedJobsWithoutCause: await this.failedWithoutCause(),
      auditProblems: await this.world.auditProblems(),
    };
  }

  private pidsOf(): Map<string, number[]> {
    const groups = grouped(agentProcesses(this.world.dataDir), ({ agentId }) => agentId);
    return new Map([...groups].map(([id, processes]) => [id, processes.map(({ pid }) => pid)]));
  }

  /** Folders, ports and users of agents on the host. */
  private thingsOnDisk(): { agentId: string; thing: string }[] {
    const { dataDir } = this.world;
    const folders = names(join(dataDir, 'agents')).map((agentId) => ({ agentId, thing: 'a folder' }));
    const numbers = ['ports', 'users'].flatMap((book) =>
      names(join(dataDir, book)).map((number) => ({
        agentId: holder(join(dataDir, book, number)),
        thing: `${book} ${number}`,
      })),
    );
    return [...folders, ...numbers];
  }

  /** The tokens of all its instances, tried at the edge. */
  private async openTokens(agentId: string): Promise<number> {
    const url = `http://127.0.0.1:${this.world.environment.EDGE_AGENT_PORT}/door/tools`;
    const tokens = [...(this.witness.tokens.get(agentId) ?? [])];
    const answers = await Promise.all(
      tokens.map(async (token) => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status),
    );
    return answers.filter((status) => status !== 401).length;
  }

  private async statusOf(agentId: string): Promise<number> {
    const { url, apiKey } = this.world.door;
    return (await fetch(`${url}/v1/agents/${agentId}`, { headers: { 'x-api-key': apiKey } })).status;
  }

  private async failedWithoutCause(): Promise<string[]> {
    const failed = (await Promise.all((await this.queues()).map((queue) => queue.getFailed()))).flat();
    return failed.filter(({ failedReason }) => !failedReason).map(({ name, id }) => `${name} ${id}`);
  }

  private queues(): ReturnType<QueueRegistry['queues']> {
    return this.app.get(QueueRegistry).queues();
  }
}

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function holder(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return existsSync(path) ? readFileSync(path, 'utf8') : 'nobody';
  }
}
