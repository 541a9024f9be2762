import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, type TestOrganisation, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture } from '../testing/agents-fixture.js';
import type { ShippedLine } from './log-batch.js';
import { partitionOf } from './log-partitions.js';
import { LogStore } from './log-store.js';

const DAY_MS = 86_400_000;

describe('logs of agents', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let at: AgentsFixture;
  let agentId: string;

  beforeAll(async () => {
    db = await testDatabase();
    at = await agentsFixture(db);
    org = await testOrganisation(db.database);
  });
  beforeEach(async () => {
    agentId = (await at.runningAgent(org.caller)).id;
  });
  afterAll(async () => {
    await at.close();
    await db.close();
  });

  const texts = async (tail = 1000): Promise<string[]> =>
    (await at.logs.tail(org.caller, agentId, tail)).map(({ line }) => line.replace(/^\S+ /, ''));

  it('stores what the agent prints, in order, with its level', async () => {
    for (let nr = 0; nr < 1_200; nr++) at.runtime.print(agentId, nr % 2 ? 'warn' : 'info', `line ${nr}`);
    await eventually(async () => (await texts(1)).at(-1) === '[warn] line 1199');
    const lines = await at.logs.tail(org.caller, agentId, 3);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info', 'warn']);
    expect((await texts(5_000)).length).toBe(1_000);
    expect((await texts(2)).at(0)).toBe('[info] line 1198');
  });

  it('follows: the tail first, then each new line once, until the reader leaves', async () => {
    at.runtime.print(agentId, 'info', 'old');
    await eventually(async () => (await texts()).includes('[info] old'));
    const leaving = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { line } of at.logs.follow(org.caller, agentId, { tail: 1, signal: leaving.signal })) {
        seen.push(line.replace(/^\S+ \[info\] /, ''));
      }
    })();
    await eventually(() => seen.length === 1);
    for (const text of ['one', 'two', 'three']) at.runtime.print(agentId, 'info', text);
    await eventually(() => seen.length === 4);
    leaving.abort();
    await reading;
    expect(seen).toEqual(['old', 'one', 'two', 'three']);
  });

  it('follows without a past when none is asked for', async () => {
    at.runtime.print(agentId, 'info', 'past');
    await eventually(async () => (await texts()).includes('[info] past'));
    const leaving = new AbortController();
    const lines = at.logs.follow(org.caller, agentId, { tail: 0, signal: leaving.signal })[Symbol.asyncIterator]();
    const first = lines.next();
    setTimeout(() => at.runtime.print(agentId, 'info', 'present'), 20);
    expect((await first).value).toMatchObject({ level: 'info', line: expect.stringContaining('present') });
    leaving.abort();
    expect((await lines.next()).done).toBe(true);
  });

  it('stores nothing twice when a batch is repeated', async () => {
    const store = at.app.get(LogStore, { strict: false });
    const other = (await at.agents.create(org.caller, { name: 'x', secrets: {}, config: { llmProvider: 'demo' } })).id;
    const lines: ShippedLine[] = [1, 2, 3].map((nr) => ({
      agentId: other,
      source: 'test',
      at: new Date(),
      text: `line ${nr}`,
      position: nr * 10,
    }));
    await store.append(lines.slice(0, 2));
    await store.append(lines);
    await store.append(lines);
    const stored = await at.logs.tail(org.caller, other, 10);
    expect(stored.map(({ line }) => line)).toEqual(['line 1', 'line 2', 'line 3']);
    expect(await store.cursors([other])).toEqual(new Map([[other, { source: 'test', position: 30 }]]));
    await store.append(lines.map((line) => ({ ...line, source: 'another host', position: 1 })));
    expect(await at.logs.tail(org.caller, other, 10)).toHaveLength(6);
  });

  it('drops lines of agents that are gone, and keeps those of the others in the batch', async () => {
    const store = at.app.get(LogStore, { strict: false });
    const line = { source: 'fake:test-host', at: new Date(), text: 'kept', position: 1_000_000 };
    await store.append([
      { ...line, agentId: '00000000-0000-4000-8000-000000000000' },
      { ...line, agentId },
    ]);
    expect(await texts()).toContain('kept');
  });

  it('makes partitions ahead and drops those past their retention, and only those', async () => {
    const names = async (): Promise<string[]> =>
      (
        await db.database.query<{ name: string }>(
          `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'log_lines'::regclass ORDER BY 1`,
        )
      ).map(({ name }) => name);
    const today = new Date();
    const around = (from: number, to: number, base = today) =>
      Array.from({ length: to - from + 1 }, (_, nr) => partitionOf(new Date(base.getTime() + (from + nr) * DAY_MS)));
    await at.partitions.maintain(today);
    expect(await names()).toEqual(around(-1, 2));
    await at.partitions.maintain(today);
    expect(await names()).toEqual(around(-1, 2));
    const later = new Date(today.getTime() + 8 * DAY_MS);
    await at.partitions.maintain(later);
    expect(await names()).toEqual([...around(1, 2), ...around(7, 10)]);
    await at.partitions.maintain(today);
    expect((await names()).slice(0, 2)).toEqual(around(-1, 0));
  });

  it('goes on after the day whose partition was missing', async () => {
    for (const name of await db.database.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'log_lines'::regclass`,
    )) {
      await db.database.query(`DROP TABLE ${name.name}`);
    }
    at.runtime.print(agentId, 'info', 'without a partition');
    await eventually(async () => (await texts()).includes('[info] without a partition'));
  });

  it('erases the output of a deleted agent', async () => {
    at.runtime.print(agentId, 'info', 'secret');
    await eventually(async () => (await texts()).includes('[info] secret'));
    await at.agents.delete(org.caller, agentId);
    await at.sweep();
    expect(await db.database.query('SELECT 1 FROM log_lines WHERE agent_id = $1', [agentId])).toEqual([]);
    await expect(at.logs.tail(org.caller, agentId, 1)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('stores nothing more of an agent from the moment of its deletion, so that what is erased stays erased', async () => {
    const store = at.app.get(LogStore, { strict: false });
    await at.agents.delete(org.caller, agentId);
    await store.append([{ agentId, source: 'fake:test-host', at: new Date(), text: 'late', position: 1_000_000 }]);
    expect(await db.database.query(`SELECT 1 FROM log_lines WHERE agent_id = $1 AND line = 'late'`, [agentId])).toEqual(
      [],
    );
  });
});
