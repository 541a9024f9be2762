import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import {
  HEARTBEAT_INTERVALS,
  type HeartbeatExecution,
  HeartbeatRunner,
  HeartbeatUpkeep,
  HeartbeatsService,
  HeartbeatsWorkerModule,
} from '#libs/heartbeats';
import { InstancesModule } from '#libs/instances';
import { type Caller, newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { QueueModule, migrateQueue } from '#libs/queue';
import { eventually, testOrganisation } from '#libs/testing';
import { type EdgeFixture, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer, says, textFrame } from './testing/scripted-server.js';

@Module({})
class ReplicaModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ReplicaModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('worker'),
        QueueModule.forProducer(),
        HeartbeatsWorkerModule,
      ],
    };
  }
}

const replica = (config: Config): Promise<INestApplicationContext> =>
  NestFactory.createApplicationContext(ReplicaModule.forRoot(config), { logger: false });

const HOUR_MS = 3_600_000;
const PAGE = { limit: 50, offset: 0 };

describe('heartbeats', () => {
  const gateway = new ScriptedServer();
  let edge: EdgeFixture;
  let one: INestApplicationContext;
  let two: INestApplicationContext;
  let beats: HeartbeatsService;
  let agentId: string;
  let caller: Caller;

  beforeAll(async () => {
    await gateway.start();
    edge = await startEdge({ limits: { heartbeatConcurrency: 4 } });
    await edge.db.database.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''America/New_York''', current_database()); END $$`,
    );
    await migrateQueue(edge.config.databaseUrl);
    [one, two] = [await replica(edge.config), await replica(edge.config)];
    beats = one.get(HeartbeatsService);
  });
  afterAll(async () => {
    await one?.close();
    await two?.close();
    await edge?.close();
    await gateway.stop();
  });
  beforeEach(async () => {
    await query('DELETE FROM agent_heartbeats');
    gateway.requests.length = 0;
    gateway.script = says('All ', 'quiet');
    ({ agentId, caller } = await edge.agent(gateway.endpoint));
  });

  const query = <Row>(sql: string, values: readonly unknown[] = []) => edge.db.database.query<Row>(sql, values);
  const enable = (interval: keyof typeof HEARTBEAT_INTERVALS = '30m', checklist = ['Mail', 'Tasks']) =>
    beats.updateAgent(caller, agentId, {}, { enabled: true, interval, checklist });
  const due = (at = new Date(Date.now() - 1_000), id = agentId) =>
    query('UPDATE agent_heartbeats SET next_at = $2 WHERE agent_id = $1', [id, at]).then(() => at);
  const settings = async () => (await beats.settingsOf(caller, [agentId])).get(agentId)!;
  const executions = async (): Promise<readonly HeartbeatExecution[]> =>
    (await beats.list(caller, agentId, PAGE)).items;
  const round = async (app = one) => {
    await app.get(HeartbeatRunner).runDue();
    await app.get(HeartbeatRunner).idle();
  };
  /** A gateway that answers when it is told to. */
  function held(): () => void {
    let go: () => void = () => undefined;
    const told = new Promise<void>((resolve) => (go = resolve));
    gateway.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      await told;
      res.write(textFrame('late'));
      res.end('data: [DONE]\n\n');
    };
    return go;
  }

  it('asks what is due with the checklist, and keeps what came of it', async () => {
    await enable();
    const before = await settings();
    expect(before.nextAt!.getTime() - Date.now()).toBeGreaterThan(0.49 * HOUR_MS);
    await round();
    expect(gateway.requests).toEqual([]);
    const at = await due();
    await round();
    expect(gateway.last.body).toContain('1. Mail\\n2. Tasks');
    expect(await executions()).toEqual([
      {
        id: expect.any(String),
        orgId: caller.orgId,
        agentId,
        dueAt: at,
        isManual: false,
        status: 'completed',
        checklist: ['Mail', 'Tasks'],
        startedAt: expect.any(Date),
        completedAt: expect.any(Date),
        response: 'All quiet',
        errorMessage: null,
      },
    ]);
    const after = await settings();
    expect(after.lastAt).toEqual(expect.any(Date));
    expect(after.nextAt).toEqual(new Date(at.getTime() + 0.5 * HOUR_MS));
  });

  it('speaks in a session of its own, which goes on', async () => {
    await enable();
    for (let count = 0; count < 2; count += 1) {
      await due();
      await round();
    }
    const [first, second] = gateway.requests.map(({ headers }) => headers['x-openclaw-session-key']);
    expect(first).toBe(second);
    const rows = await query('SELECT owner FROM chat_sessions WHERE agent_id = $1', [agentId]);
    expect(rows).toEqual([{ owner: `heartbeat:${agentId}` }]);
  });

  it('runs what several workers see due once', async () => {
    const others = await Promise.all(Array.from({ length: 9 }, () => edge.agent(gateway.endpoint)));
    const all = [{ agentId, caller }, ...others];
    for (const other of all) {
      await beats.updateAgent(other.caller, other.agentId, {}, { enabled: true });
      await due(undefined, other.agentId);
    }
    const workers = [one, two].map((app) => app.get(HeartbeatRunner));
    await Promise.all(workers.flatMap((runner) => [runner.runDue(), runner.runDue()]));
    await eventually(() => gateway.requests.length === all.length);
    await Promise.all(workers.map((runner) => runner.idle()));
    await Promise.all(workers.map((runner) => runner.runDue()));
    const rows = await query<{ status: string; n: number }>(
      'SELECT status, count(*)::int AS n FROM heartbeat_executions WHERE agent_id = ANY ($1) GROUP BY status',
      [all.map((other) => other.agentId)],
    );
    expect(rows).toEqual([{ status: 'completed', n: 10 }]);
    expect(gateway.requests).toHaveLength(10);
  });

  it('makes up for one of those that were missed, and goes on at the first slot to come', async () => {
    await enable('5m');
    const at = await due(new Date(Date.now() - 10 * HOUR_MS - 1_000));
    await round();
    await round();
    expect((await executions()).map(({ dueAt }) => dueAt)).toEqual([at]);
    const { nextAt } = await settings();
    const wait = nextAt!.getTime() - Date.now();
    expect([wait > 0, wait <= 300_000, (nextAt!.getTime() - at.getTime()) % 300_000]).toEqual([true, true, 0]);
  });

  it.each(Object.entries(HEARTBEAT_INTERVALS))(
    'keeps slots of %s evenly apart over changes of the clocks',
    async (name, seconds) => {
      await enable(name as keyof typeof HEARTBEAT_INTERVALS);
      for (const start of ['2026-03-08T06:50:00Z', '2026-03-29T00:50:00Z', '2025-11-02T05:50:00Z']) {
        const at = await due(new Date(start));
        await round();
        const { nextAt } = await settings();
        expect((nextAt!.getTime() - at.getTime()) % (seconds * 1000)).toBe(0);
        expect(nextAt!.getTime()).toBeGreaterThan(Date.now() - 1000);
      }
    },
  );

  it.each([
    ['paused', `desired_state = 'stopped', status = 'stopped', paused_at = now()`, []],
    ['being stopped', `desired_state = 'stopped', status = 'stopping'`, []],
    ['deleted', `desired_state = 'deleted', status = 'deleting'`, []],
    ['failed', `status = 'error'`, [['skipped', 'the agent was not running']]],
  ])('does not wake an agent that is %s', async (_what, state, left) => {
    await enable();
    const at = await due();
    await query(`UPDATE agents SET ${state} WHERE id = $1`, [agentId]);
    await round();
    expect(gateway.requests).toEqual([]);
    const rows = await query<{ status: string; error_message: string }>(
      'SELECT status, error_message FROM heartbeat_executions WHERE agent_id = $1',
      [agentId],
    );
    expect(rows.map((row) => [row.status, row.error_message])).toEqual(left);
    expect((await settings()).nextAt!.getTime()).toBeGreaterThan(at.getTime());
  });

  it('never runs two of an agent at once, whoever asks', async () => {
    await enable();
    const go = held();
    await due();
    await one.get(HeartbeatRunner).runDue();
    await eventually(() => gateway.requests.length === 1);
    await expect(two.get(HeartbeatsService).runNow(caller, agentId)).rejects.toMatchObject({
      code: 'heartbeat_running',
    });
    await due();
    await two.get(HeartbeatRunner).runDue();
    go();
    await one.get(HeartbeatRunner).idle();
    expect((await executions()).map(({ status, errorMessage }) => [status, errorMessage])).toEqual([
      ['skipped', 'the heartbeat before was still under way'],
      ['completed', null],
    ]);
    expect(gateway.requests).toHaveLength(1);
  });

  it('has no more under way than it may, and goes on when there is room', async () => {
    const go = held();
    const all = await Promise.all(Array.from({ length: 7 }, () => edge.agent(gateway.endpoint)));
    for (const other of all) {
      await beats.updateAgent(other.caller, other.agentId, {}, { enabled: true });
      await due(undefined, other.agentId);
    }
    await one.get(HeartbeatRunner).runDue();
    await eventually(() => gateway.requests.length === 4);
    const [row] = await query<{ n: number }>(
      `SELECT count(*)::int AS n FROM heartbeat_executions WHERE status = 'running'`,
    );
    expect(row!.n).toBe(4);
    go();
    await eventually(() => gateway.requests.length === 7);
    await one.get(HeartbeatRunner).idle();
  });

  it('fails with the words of the agent when it fails', async () => {
    await enable();
    gateway.script = (_request, res) => {
      res.writeHead(502, { 'content-type': 'application/json' });
      res.end('{"error":{"code":"provider_error","message":"The provider is down"}}');
    };
    await due();
    await round();
    expect(await executions()).toMatchObject([{ status: 'failed', errorMessage: expect.stringContaining('provider') }]);
  });

  it('ends as interrupted what a dead worker left, does not repeat it, and lets nobody else end it', async () => {
    await enable();
    const go = held();
    await due();
    await one.get(HeartbeatRunner).runDue();
    await eventually(() => gateway.requests.length === 1);
    expect(await two.get(HeartbeatUpkeep).interruptOfDeadInstances()).toBe(0);
    await query(`UPDATE heartbeat_executions SET instance_id = $2 WHERE agent_id = $1`, [agentId, newId()]);
    expect(await two.get(HeartbeatUpkeep).interruptOfDeadInstances()).toBe(1);
    go();
    await one.get(HeartbeatRunner).idle();
    await round(two);
    expect(await executions()).toMatchObject([
      { status: 'failed', errorMessage: expect.stringMatching(/^interrupted/), response: null },
    ]);
    expect(gateway.requests).toHaveLength(1);
  });

  it('ends what runs longer than any turn may, so that the agent is woken again', async () => {
    const begun = await beats.runNow(caller, agentId);
    await query(
      `UPDATE heartbeat_executions SET status = 'running', started_at = now() - interval '10 minutes' WHERE id = $1`,
      [begun.id],
    );
    expect(await two.get(HeartbeatUpkeep).interruptOfDeadInstances()).toBe(1);
  });

  it('runs one by hand, once under its id, and puts the next an interval away', async () => {
    await enable('1h', ['Mail']);
    await due(new Date(Date.now() + 60_000));
    const id = newId();
    const execution = await beats.runNow(caller, agentId, id);
    expect(execution).toMatchObject({ id, status: 'completed', isManual: true, checklist: ['Mail'] });
    expect(await beats.runNow(caller, agentId, id)).toEqual(execution);
    expect(gateway.requests).toHaveLength(1);
    const { lastAt, nextAt } = await settings();
    expect(nextAt!.getTime() - lastAt!.getTime()).toBe(HOUR_MS);
  });

  it('refuses what it may not or can not do', async () => {
    const foreign = await testOrganisation(edge.db.database);
    await expect(beats.runNow(foreign.caller, agentId)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(beats.list(foreign.caller, agentId, PAGE)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(beats.runNow({ ...caller, scopes: [] }, agentId)).rejects.toMatchObject({ kind: 'forbidden' });
    expect((await beats.settingsOf(foreign.caller, [agentId])).get(agentId)).toMatchObject({ enabled: false });
    await query(`UPDATE agents SET status = 'stopped', desired_state = 'stopped' WHERE id = $1`, [agentId]);
    await expect(beats.runNow(caller, agentId)).rejects.toMatchObject({ code: 'agent_not_running' });
    const wrong = [{ interval: '7m' as never }, { checklist: Array<string>(51).fill('x') }, { checklist: [' '] }];
    for (const change of wrong) {
      expect(() => beats.updateAgent(caller, agentId, {}, change)).toThrow(/heartbeat/);
    }
    expect(await executions()).toEqual([]);
  });

  it('keeps the slot when nothing about the time changes, and has none when switched off', async () => {
    await enable('1h');
    const { nextAt } = await settings();
    await beats.updateAgent(caller, agentId, {}, { checklist: ['Other'] });
    expect(await settings()).toMatchObject({ nextAt, checklist: ['Other'], interval: '1h' });
    await beats.updateAgent(caller, agentId, {}, { interval: '5m' });
    expect((await settings()).nextAt!.getTime()).toBeLessThan(nextAt!.getTime());
    await beats.updateAgent(caller, agentId, {}, { enabled: false });
    expect(await settings()).toMatchObject({ enabled: false, nextAt: null });
  });

  it('deletes what is old, but not what runs', async () => {
    await query(`DELETE FROM heartbeat_executions WHERE status <> 'running'`);
    await beats.runNow(caller, agentId);
    expect(await one.get(HeartbeatUpkeep).deleteBefore(new Date(Date.now() - HOUR_MS), 10)).toBe(0);
    await query(`UPDATE heartbeat_executions SET due_at = due_at - interval '2 hours' WHERE agent_id = $1`, [agentId]);
    expect(await one.get(HeartbeatUpkeep).deleteBefore(new Date(Date.now() - HOUR_MS), 1_000)).toBeGreaterThan(0);
    expect(await executions()).toEqual([]);
  });
});
