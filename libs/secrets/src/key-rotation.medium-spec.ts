import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { type Config, ConfigModule } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type TestDatabase, testDatabase, testOrganisation } from '#libs/testing';
import { keyRotation } from './key-rotation.js';
import { SecretsModule } from './secrets.module.js';
import { SecretsService } from './secrets.service.js';

const NEW_MASTER = 'the-next-master-key-0123456789abcdef';
const signal = new AbortController().signal;

describe('KeyRotation', () => {
  let test: TestDatabase;
  let old: TestingModule;
  let both: TestingModule;
  let orgId: string;

  const open = (config: Config): Promise<TestingModule> =>
    Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        SecretsModule,
      ],
    })
      .compile()
      .then((module) => module.init());
  const put = (agentId: string, value: string, on = old) =>
    on
      .get(Database)
      .transaction((tx) =>
        on.get(SecretsService).put(tx, { orgId }, { kind: 'agent', id: agentId }, { google_api_key: value }),
      );
  const read = (agentId: string, on: TestingModule) =>
    on.get(SecretsService).providerKey({ orgId, agentId, swarmId: null }, 'google');
  const withNewMaster = (previous: string[]) =>
    test.config({ security: { masterKey: NEW_MASTER, previousMasterKeys: previous } });
  const rotate = (config: Config, before = new Date(Date.now() + 60_000), at = signal) =>
    keyRotation(old.get(Database), config).run({ before, signal: at });
  const keys = () =>
    test.database.query<{ version: number; wrapped_key: Buffer }>(
      'SELECT version, wrapped_key FROM organisation_keys WHERE org_id = $1 ORDER BY version',
      [orgId],
    );
  const keyVersions = async () => {
    const sql = 'SELECT DISTINCT key_version AS v FROM secrets WHERE org_id = $1 ORDER BY v';
    return (await test.database.query<{ v: number }>(sql, [orgId])).map(({ v }) => v);
  };

  beforeAll(async () => {
    test = await testDatabase();
    old = await open(test.config());
    both = await open(withNewMaster([test.config().security.masterKey]));
  });
  beforeEach(async () => {
    await test.database.query('DELETE FROM organisations');
    ({ orgId } = await testOrganisation(test.database));
  });
  afterAll(async () => {
    await Promise.all([old.close(), both.close()]);
    await test.close();
  });

  it('gives each organisation a new data key, encrypts everything anew and retires the old key', async () => {
    const agents = Array.from({ length: 230 }, () => newId());
    for (const [n, agent] of agents.entries()) await put(agent, `AIza-${n}`);
    const [first] = await keys();
    expect(await rotate(test.config())).toEqual({ rewrapped: 0, organisations: 1, secrets: 230 });
    expect(await keyVersions()).toEqual([2]);
    const after = await keys();
    expect(after.map(({ version }) => version)).toEqual([2]);
    expect(after[0]!.wrapped_key.equals(first!.wrapped_key)).toBe(false);
    expect(await Promise.all(agents.map((agent) => read(agent, both)))).toEqual(agents.map((_, n) => `AIza-${n}`));
  });

  it('moves to a new master key: both work meanwhile, then the old one is worthless', async () => {
    const agent = newId();
    await put(agent, 'AIza-1');
    expect(await read(agent, both)).toBe('AIza-1');
    const config = withNewMaster([test.config().security.masterKey]);
    expect(await rotate(config)).toEqual({ rewrapped: 1, organisations: 1, secrets: 1 });
    const [present, former] = await Promise.all([open(withNewMaster([])), open(test.config())]);
    expect(await read(agent, present)).toBe('AIza-1');
    await expect(read(agent, former)).rejects.toMatchObject({ code: 'unknown_master_key' });
    await Promise.all([present.close(), former.close()]);
  });

  it('stops without a change when the earlier master key is not given', async () => {
    const agent = newId();
    await put(agent, 'AIza-1');
    const before = await keys();
    await expect(rotate(withNewMaster([]))).rejects.toMatchObject({ code: 'unknown_master_key' });
    expect(await keys()).toEqual(before);
    expect(await read(agent, both)).toBe('AIza-1');
  });

  it('is gone on with after a crash at any step, all secrets readable in between', async () => {
    const agents = Array.from({ length: 150 }, () => newId());
    for (const agent of agents) await put(agent, `AIza-${agent}`);
    for (let crashAt = 1; ; crashAt += 1) {
      const database = old.get(Database);
      const transaction = database.transaction.bind(database);
      let transactions = 0;
      database.transaction = (work) => {
        transactions += 1;
        return transactions > crashAt ? Promise.reject(new Error('killed')) : transaction(work);
      };
      const outcome = await rotate(test.config()).catch((error: unknown) => error);
      database.transaction = transaction;
      const reader = await open(test.config());
      expect(await Promise.all(agents.map((agent) => read(agent, reader)))).toEqual(
        agents.map((agent) => `AIza-${agent}`),
      );
      await reader.close();
      expect((await keys()).length).toBeLessThanOrEqual(2);
      if (!(outcome instanceof Error)) break;
      expect(crashAt).toBeLessThan(10);
    }
    expect(await keys()).toHaveLength(1);
    expect(new Set([...(await keyVersions()), ...(await keys()).map(({ version }) => version)]).size).toBe(1);
  });

  it('leaves out what the rotation it goes on with has done', async () => {
    await put(newId(), 'AIza-1');
    const [row] = await test.database.query<{ now: Date }>(`SELECT clock_timestamp() - interval '1 hour' AS now`);
    expect(await rotate(test.config(), row!.now)).toEqual({ rewrapped: 0, organisations: 0, secrets: 0 });
  });

  it('loses nothing that is written while it runs, however often it runs', async () => {
    const agents = Array.from({ length: 20 }, () => newId());
    let turning = true;
    const writers = agents.map(async (agent) => {
      for (let n = 0; turning || n < 3; n += 1) await put(agent, `AIza-${n}`, n % 2 === 0 ? old : both);
    });
    for (let n = 0; n < 5; n += 1) await Promise.all([rotate(test.config()), rotate(test.config())]);
    turning = false;
    await Promise.all(writers);
    const reader = await open(test.config());
    for (const agent of agents) expect(await read(agent, reader)).toMatch(/^AIza-\d+$/);
    await reader.close();
  });

  it('stops at a signal', async () => {
    await put(newId(), 'AIza-1');
    const aborted = AbortSignal.abort(new Error('broken off'));
    await expect(rotate(test.config(), undefined, aborted)).rejects.toThrow('broken off');
  });

  it('finds no data key of a deleted organisation: what was copied before can never be opened again', async () => {
    const agent = newId();
    await put(agent, 'AIza-1');
    const sealed = 'SELECT ciphertext FROM secrets WHERE org_id = $1';
    const [copy] = await test.database.query<{ ciphertext: Buffer }>(sealed, [orgId]);
    await test.database.query('DELETE FROM organisations WHERE id = $1', [orgId]);
    for (const table of ['organisation_keys', 'secrets']) {
      expect(await test.database.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [orgId])).toEqual([]);
    }
    expect(await rotate(test.config())).toEqual({ rewrapped: 0, organisations: 0, secrets: 0 });
    await test.database.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'again', 'again')`, [orgId]);
    await put(agent, 'AIza-2');
    await test.database.query('UPDATE secrets SET ciphertext = $2 WHERE org_id = $1', [orgId, copy!.ciphertext]);
    const reader = await open(test.config());
    await expect(read(agent, reader)).rejects.toMatchObject({ code: 'decryption_failed' });
    await reader.close();
  });
});
