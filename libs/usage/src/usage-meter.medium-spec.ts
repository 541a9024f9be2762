import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { INSTANCE_DEAD_AFTER_SECONDS } from '#libs/instances';
import { newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type TestDatabase, type TestOrganisation, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { BudgetsRepository, changedLimits } from './budgets.repository.js';
import type { Budget, BudgetChange, BudgetTarget } from './budget.js';
import { MeteringModule } from './metering.module.js';
import type { CallPlan } from './reservation.js';
import { ReservationsRepository } from './reservations.repository.js';
import { type CallEnd, UsageMeter } from './usage-meter.js';
import { UsageSweeper } from './usage-sweeper.js';

const PRICE = { input: 2_000_000, output: 10_000_000 };
const INPUT = 100;

interface Agent {
  readonly orgId: string;
  readonly agentId: string;
  readonly swarmId: string | null;
}

describe('metering and budgets', () => {
  let db: TestDatabase;
  let module: TestingModule;
  let meter: UsageMeter;
  let repository: ReservationsRepository;
  let budgets: BudgetsRepository;
  let org: TestOrganisation;
  let agent: Agent;

  beforeAll(async () => {
    db = await testDatabase();
    module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(db.config()),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        MeteringModule,
      ],
    }).compile();
    await module.init();
    meter = module.get(UsageMeter);
    repository = module.get(ReservationsRepository);
    budgets = module.get(BudgetsRepository);
  });
  afterAll(async () => {
    await module?.close();
    await db?.close();
  });
  beforeEach(async () => {
    org = await testOrganisation(db.database);
    agent = { orgId: org.orgId, agentId: newId(), swarmId: newId() };
  });

  const plan = (more: Partial<CallPlan> = {}): CallPlan => ({
    id: newId(),
    instanceId: newId(),
    provider: 'openai',
    model: 'gpt-test',
    price: PRICE,
    inputTokens: INPUT,
    writesCache: false,
    askedOutputTokens: 50,
    leastOutputTokens: 1,
    ...more,
  });
  const reserve = async (call: CallPlan, of = agent) => meter.reservationOf(call, await repository.reserve(of, call));
  const used = (outputTokens: number, inputTokens = INPUT): CallEnd => ({
    how: 'reported',
    usage: { inputTokens, outputTokens, cachedInputTokens: 0, cacheWriteTokens: 0 },
  });
  const settle = async (call: CallPlan, end: CallEnd): Promise<void> => {
    meter.settle(call, end);
    await eventually(async () => (await left(call.id)) === 0);
  };
  const left = async (id: string): Promise<number> =>
    (await db.database.query('SELECT 1 FROM usage_reservations WHERE id = $1', [id])).length;
  const limit = (target: BudgetTarget, change: BudgetChange): Promise<unknown> =>
    db.database.transaction(async (tx) => {
      await budgets.standStill(tx, org.scope);
      const limits = changedLimits(await budgets.find(org.scope, target, tx), change);
      await budgets.save(tx, org.scope, target, limits, 'test');
    });
  const organisation = (): BudgetTarget => ({ scope: 'organisation', id: org.orgId });
  const found = async (target = organisation()): Promise<Budget> => {
    const budget = await budgets.find(org.scope, target);
    if (!budget) throw new Error('there is no such budget');
    return budget;
  };
  const events = (): Promise<{ type: string; data: Record<string, unknown> }[]> =>
    db.database.query(`SELECT type, data FROM events WHERE org_id = $1 AND thing_kind = 'budget' ORDER BY at`, [
      org.orgId,
    ]);

  it('lets 100 calls at once have a budget to its last token and no token more', async () => {
    const calls = Array.from({ length: 100 }, () => plan());
    await limit(organisation(), { dayLimitTokens: 60 * 150 + 120, monthLimitMicroUsd: 1_000_000_000 });
    await limit({ scope: 'agent', id: agent.agentId }, { monthLimitTokens: 1_000_000 });
    await limit({ scope: 'swarm', id: agent.swarmId! }, { dayLimitTokens: 1_000_000 });
    const taken = await Promise.allSettled(calls.map((call) => reserve(call)));
    const caps = taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value.capTokens ?? Infinity] : []));
    expect(caps.sort((one, other) => one - other)).toEqual([20, ...Array.from({ length: 60 }, () => 50)]);
    expect((await found()).day.reservedTokens).toBe(60 * 150 + 120);
    const codes = taken.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code: string }).code] : []));
    expect(codes).toEqual(Array.from({ length: 39 }, () => 'budget_exceeded'));
    const running = calls.filter((_call, nr) => taken[nr]?.status === 'fulfilled');
    await Promise.all(running.map((call) => settle(call, used(10))));
    for (const target of [organisation(), { scope: 'agent', id: agent.agentId } as const]) {
      expect((await found(target)).day).toMatchObject({ usedTokens: 61 * 110, reservedTokens: 0, reservedMicroUsd: 0 });
    }
    expect((await found()).month.usedMicroUsd).toBe(61 * (200 + 100));
    const [row] = await db.database.query<{ calls: string; tokens: string }>(
      'SELECT calls, input_tokens + output_tokens AS tokens FROM usage_daily WHERE org_id = $1',
      [org.orgId],
    );
    expect(row).toEqual({ calls: '61', tokens: String(61 * 110) });
  });

  it('turns money into the tokens it affords', async () => {
    await limit(organisation(), { dayLimitMicroUsd: 200 + 75 });
    const first = plan();
    expect((await reserve(first)).capTokens).toBe(7);
    await expect(reserve(plan())).rejects.toMatchObject({
      kind: 'plan_limit',
      code: 'budget_exceeded',
      message: expect.stringMatching(
        /daily budget of this organisation .*limit \$0\.000275, used \$0\.00, \$0\.00027 reserved .*resets at \d{4}-\d\d-\d\dT00:00:00\.000Z/,
      ),
    });
    await settle(first, used(7));
    expect((await found()).day).toMatchObject({ usedMicroUsd: 270, reservedMicroUsd: 0 });
    await expect(reserve(plan())).rejects.toThrow('used $0.00027;');
    expect(await reserve(plan({ provider: 'demo', price: { input: 0, output: 0 } }))).toMatchObject({
      capTokens: undefined,
    });
    expect(await reserve(plan({ price: undefined }))).toMatchObject({ capTokens: undefined });
  });

  it('limits no call of an organisation without a budget, and keeps its usage', async () => {
    const call = plan({ price: undefined });
    expect(await reserve(call)).toEqual({ id: call.id, capTokens: undefined });
    await settle(call, used(3));
    const rows = await db.database.query(
      'SELECT calls, unpriced_calls, cost_micro_usd FROM usage_daily WHERE org_id = $1',
      [org.orgId],
    );
    expect(rows).toEqual([{ calls: '1', unpriced_calls: '1', cost_micro_usd: '0' }]);
  });

  it('gives back what a free call had taken, and settles a call once', async () => {
    await limit(organisation(), { dayLimitTokens: 1000 });
    const [free, paid] = [plan(), plan()];
    await reserve(free);
    await reserve(paid);
    await settle(free, { how: 'free' });
    const end = { id: paid.id, metered: true, estimated: true, priced: true, cachedInputTokens: 0 };
    const both = { ...end, inputTokens: 100, outputTokens: 5, costMicroUsd: 250 };
    await Promise.all([repository.settle(both), repository.settle(both), repository.settle(both)]);
    expect((await found()).day).toMatchObject({ usedTokens: 105, reservedTokens: 0, usedMicroUsd: 250 });
    const rows = await db.database.query('SELECT calls, estimated_calls FROM usage_daily WHERE org_id = $1', [
      org.orgId,
    ]);
    expect(rows).toEqual([{ calls: '1', estimated_calls: '1' }]);
  });

  it('counts what was used and is running when a budget is set, also by calls that settle meanwhile', async () => {
    const calls = Array.from({ length: 30 }, () => plan());
    await Promise.all(calls.map((call) => reserve(call)));
    await Promise.all([
      ...calls.slice(0, 20).map((call) => settle(call, used(10))),
      limit(organisation(), { dayLimitTokens: 1_000_000 }),
    ]);
    expect((await found()).day).toMatchObject({ usedTokens: 20 * 110, reservedTokens: 10 * 150 });
    expect((await found()).month).toMatchObject({ usedTokens: 20 * 110, reservedTokens: 10 * 150 });
    await Promise.all(calls.slice(20).map((call) => settle(call, { how: 'free' })));
    expect((await found()).day).toMatchObject({ usedTokens: 20 * 110, reservedTokens: 0 });
  });

  it('begins every day and month anew, in UTC, and bills a call to the day it began', async () => {
    await limit(organisation(), { dayLimitTokens: 200, monthLimitTokens: 100_000 });
    const yesterday = plan();
    await reserve(yesterday);
    await db.database.query(`UPDATE budgets SET day = day - 1 WHERE org_id = $1`, [org.orgId]);
    await db.database.query(`UPDATE usage_reservations SET day = day - 1 WHERE org_id = $1`, [org.orgId]);
    const sameMonth = await db.database.query(
      `SELECT 1 WHERE date_trunc('month', (now() AT TIME ZONE 'UTC')) = date_trunc('month', (now() AT TIME ZONE 'UTC') - interval '1 day')`,
    );
    expect((await found()).day.reservedTokens).toBe(0);
    const today = plan();
    expect((await reserve(today)).capTokens).toBe(50);
    await settle(yesterday, used(40));
    expect((await found()).day).toMatchObject({ usedTokens: 0, reservedTokens: 150 });
    if (sameMonth.length > 0) expect((await found()).month).toMatchObject({ usedTokens: 140, reservedTokens: 150 });
    const [row] = await db.database.query<{ ago: number }>(
      `SELECT (now() AT TIME ZONE 'UTC')::date - day AS ago FROM usage_daily WHERE org_id = $1`,
      [org.orgId],
    );
    expect(row?.ago).toBe(1);
    await db.database.query(`UPDATE budgets SET day = day - 40 WHERE org_id = $1`, [org.orgId]);
    expect((await found()).month).toMatchObject({ usedTokens: 0, reservedTokens: 0 });
    await settle(today, used(1));
    expect((await reserve(plan())).capTokens).toBe(50);
    expect((await found()).month).toMatchObject({ usedTokens: 0, reservedTokens: 150 });
  });

  it('tells once a period that the soft limit is reached, and that a call was refused', async () => {
    await limit(organisation(), { dayLimitTokens: 300, softLimitPercent: 50 });
    for (const output of [20, 20]) {
      const call = plan();
      await reserve(call);
      await settle(call, used(output));
    }
    await eventually(async () => (await events()).length === 1);
    await expect(reserve(plan())).rejects.toThrow('budget_exceeded');
    await eventually(async () => (await events()).length === 2);
    await expect(reserve(plan())).rejects.toThrow('budget_exceeded');
    await meter.drain(2_000);
    expect((await events()).map(({ type, data }) => [type, data.period, data.usedTokens])).toEqual([
      ['budget.soft_limit_reached', 'day', 240],
      ['budget.hard_limit_reached', 'day', 240],
    ]);
    const { day } = await found();
    expect([day.softLimitReachedAt, day.hardLimitReachedAt]).toEqual([expect.any(Date), expect.any(Date)]);
  });

  it('settles as estimated what a killed edge left, and leaves the calls of a living one', async () => {
    await limit(organisation(), { dayLimitTokens: 10_000 });
    const living = newId();
    await db.database.query(`INSERT INTO instances (id, kind) VALUES ($1, 'edge')`, [living]);
    const [dead, alive] = [plan(), plan({ instanceId: living })];
    await reserve(dead);
    await reserve(alive);
    await meter.noteCounted(new Map([[dead.id, 17]]));
    const sweeper = module.get(UsageSweeper);
    expect(await sweeper.settleCallsOfDeadInstances()).toBe(0);
    await db.database.query(
      `UPDATE usage_reservations SET started_at = started_at - make_interval(secs => $1 + 1) WHERE org_id = $2`,
      [INSTANCE_DEAD_AFTER_SECONDS, org.orgId],
    );
    const swept = await Promise.all([sweeper.settleCallsOfDeadInstances(), sweeper.settleCallsOfDeadInstances()]);
    expect(Math.max(...swept)).toBe(1);
    expect((await found()).day).toMatchObject({ usedTokens: 117, reservedTokens: 150 });
    const rows = await db.database.query('SELECT calls, estimated_calls FROM usage_daily WHERE org_id = $1', [
      org.orgId,
    ]);
    expect(rows).toEqual([{ calls: '1', estimated_calls: '1' }]);
  });
});
