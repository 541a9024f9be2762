import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { type Config, ConfigModule } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule, Notices } from '#libs/events';
import { newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type TestDatabase, eventually, testDatabase, testOrganisation } from '#libs/testing';
import type { SecretOwner } from './secret-rules.js';
import { SecretsModule } from './secrets.module.js';
import { SecretsService } from './secrets.service.js';

const KEY = 'sk-canary-value-0123456789';

describe('SecretsService', () => {
  let test: TestDatabase;
  let here: TestingModule;
  let there: TestingModule;
  let secrets: SecretsService;

  const open = async (config: Config): Promise<TestingModule> => {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        SecretsModule,
      ],
    }).compile();
    return module.init();
  };
  const put = (scope: { orgId: string }, owner: SecretOwner, values: Record<string, string>, on = here) =>
    on.get(Database).transaction((tx) => on.get(SecretsService).put(tx, scope, owner, values));
  const agentOf = (orgId: string, swarmId: string | null = null) => ({ orgId, agentId: newId(), swarmId });
  const count = async (sql: string, values: unknown[] = []) => (await test.database.query(sql, values)).length;

  beforeAll(async () => {
    test = await testDatabase();
    [here, there] = await Promise.all([
      open(test.config({ providers: { openai: { apiKey: 'sk-platform' } } })),
      open(test.config()),
    ]);
    secrets = here.get(SecretsService);
  });
  afterAll(async () => {
    await Promise.all([here.close(), there.close()]);
    await test.close();
  });

  it('stores no plaintext, lists names only and replaces values', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = agentOf(orgId);
    const owner = { kind: 'agent', id: agent.agentId } as const;
    await put(scope, owner, { openai_api_key: KEY, telegram_bot_token: '1:CANARY' });
    await put(scope, owner, { openai_api_key: `${KEY}-2` });
    expect(await secrets.names(scope, owner)).toEqual(['openai_api_key', 'telegram_bot_token']);
    expect(await secrets.providerKey(agent, 'openai')).toBe(`${KEY}-2`);
    const rows = await test.database.query<Record<string, unknown>>('SELECT * FROM secrets WHERE org_id = $1', [orgId]);
    const stored = rows.map((row) => Buffer.concat([row.ciphertext as Buffer, Buffer.from(JSON.stringify(row))]));
    expect(stored.some((row) => row.includes('canary') || row.includes('CANARY'))).toBe(false);
  });

  it('finds the nearest key: agent, swarm, organisation, platform', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = agentOf(orgId, newId());
    const found = () => secrets.providerKey(agent, 'openai');
    expect(await found()).toBe('sk-platform');
    expect(await secrets.providerKey(agent, 'google')).toBeUndefined();
    await put(scope, { kind: 'organisation', id: orgId }, { openai_api_key: 'sk-org' });
    expect(await found()).toBe('sk-org');
    await put(scope, { kind: 'swarm', id: agent.swarmId! }, { openai_api_key: 'sk-swarm' });
    expect(await found()).toBe('sk-swarm');
    await put(scope, { kind: 'agent', id: agent.agentId }, { openai_api_key: 'sk-agent' });
    expect(await found()).toBe('sk-agent');
    await here.get(Database).transaction((tx) => secrets.removeOwner(tx, scope, { kind: 'agent', id: agent.agentId }));
    expect(await found()).toBe('sk-swarm');
  });

  it('lends the platform key only to plans that allow it, and to no unknown organisation', async () => {
    const { orgId } = await testOrganisation(test.database);
    await test.database.query(`UPDATE organisations SET plan = 'free' WHERE id = $1`, [orgId]);
    expect(await secrets.providerKey(agentOf(orgId), 'openai')).toBeUndefined();
    expect(await secrets.providerKey(agentOf(newId()), 'openai')).toBeUndefined();
  });

  it('keeps organisations apart', async () => {
    const [one, other] = await Promise.all([testOrganisation(test.database), testOrganisation(test.database)]);
    const agent = agentOf(one.orgId);
    const owner = { kind: 'agent', id: agent.agentId } as const;
    await put(one.scope, owner, { google_api_key: 'AIza-one' });
    expect(await secrets.names(other.scope, owner)).toEqual([]);
    expect(await secrets.providerKey({ ...agent, orgId: other.orgId }, 'google')).toBeUndefined();
    await here.get(Database).transaction((tx) => secrets.removeOwner(tx, other.scope, owner));
    expect(await secrets.names(one.scope, owner)).toEqual(['google_api_key']);
  });

  it('makes one data key when many first secrets come at once, here and in another process', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agents = Array.from({ length: 12 }, () => agentOf(orgId));
    await Promise.all(
      agents.map(({ agentId }, n) =>
        put(scope, { kind: 'agent', id: agentId }, { google_api_key: `AIza-${n}` }, n % 2 === 0 ? here : there),
      ),
    );
    expect(await count('SELECT 1 FROM organisation_keys WHERE org_id = $1', [orgId])).toBe(1);
    const keys = await Promise.all(agents.map((agent) => secrets.providerKey(agent, 'google')));
    expect(keys).toEqual(agents.map((_, n) => `AIza-${n}`));
  });

  it('lets the last of two writers win with a value that opens', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = agentOf(orgId);
    const writers = Array.from({ length: 8 }, (_, n) =>
      put(scope, { kind: 'agent', id: agent.agentId }, { google_api_key: `AIza-${n}` }, n % 2 === 0 ? here : there),
    );
    await Promise.all(writers);
    expect(await secrets.providerKey(agent, 'google')).toMatch(/^AIza-\d$/);
    const rows = await test.database.query('SELECT version FROM secrets WHERE owner_id = $1', [agent.agentId]);
    expect(rows).toEqual([{ version: 8 }]);
  });

  it('does not open a ciphertext that was moved to another owner', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const [thief, victim] = [agentOf(orgId), agentOf(orgId)];
    await put(scope, { kind: 'agent', id: victim.agentId }, { google_api_key: 'AIza-victim' });
    await put(scope, { kind: 'agent', id: thief.agentId }, { google_api_key: 'AIza-thief' });
    await test.database.query(
      `UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE owner_id = $1) WHERE owner_id = $2`,
      [victim.agentId, thief.agentId],
    );
    await expect(secrets.providerKey(thief, 'google')).rejects.toMatchObject({ code: 'decryption_failed' });
  });

  it('writes nothing when one of the values is wrong or the transaction fails', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const owner = { kind: 'organisation', id: orgId } as const;
    const wrong = put(scope, owner, { google_api_key: 'AIza', slack_bot_token: 'nope' });
    await expect(wrong).rejects.toMatchObject({ kind: 'validation' });
    const failing = here.get(Database).transaction(async (tx) => {
      await secrets.put(tx, scope, owner, { google_api_key: 'AIza' });
      throw new Error('later');
    });
    await expect(failing).rejects.toThrow('later');
    expect(await secrets.names(scope, owner)).toEqual([]);
  });

  it('drops what another process kept in memory', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = agentOf(orgId);
    await put(scope, { kind: 'agent', id: agent.agentId }, { google_api_key: 'AIza-old' });
    expect(await there.get(SecretsService).providerKey(agent, 'google')).toBe('AIza-old');
    await put(scope, { kind: 'agent', id: agent.agentId }, { google_api_key: 'AIza-new' });
    const seen = () => there.get(SecretsService).providerKey(agent, 'google');
    await eventually(async () => (await seen()) === 'AIza-new', { timeoutMs: 3_000 });
  });

  it('notes who wrote secrets, and their use once for each run of an instance', async () => {
    const { scope, orgId, caller } = await testOrganisation(test.database);
    const agent = agentOf(orgId);
    const owner = { kind: 'agent', id: agent.agentId } as const;
    await put(caller, owner, { openai_api_key: KEY, mcp_token: 'CANARY' });
    await here.get(Database).transaction((tx) => secrets.remove(tx, caller, owner, ['openai_api_key']));
    const use = async (epoch: number, on = here) => {
      await on.get(SecretsService).providerKey({ ...agent, epoch }, 'openai');
      await on.get(SecretsService).mcpSecret({ ...agent, epoch }, 'mcp_token');
    };
    for (const epoch of [1, 1, 2]) await use(epoch);
    await use(2, there);
    const noted = () =>
      test.database.query<Record<string, unknown>>(
        'SELECT subject, action, resource, metadata FROM audit_events WHERE org_id = $1 ORDER BY id',
        [scope.orgId],
      );
    const events = await eventually(async () => {
      const rows = await noted();
      return rows.length >= 6 ? rows : undefined;
    });
    const [agentName, resource] = [`agent:${agent.agentId}`, `agent:${agent.agentId}`];
    const used = (name: string) => ({
      subject: agentName,
      action: 'secret.use',
      resource: `secret:${name}`,
      metadata: {},
    });
    expect(events.slice(0, 2)).toEqual([
      { subject: caller.subject, action: 'secret.write', resource, metadata: { names: 'openai_api_key mcp_token' } },
      { subject: caller.subject, action: 'secret.remove', resource, metadata: { names: 'openai_api_key' } },
    ]);
    expect(events.slice(2).sort((a, b) => String(a.resource).localeCompare(String(b.resource)))).toEqual([
      used('mcp_token'),
      used('mcp_token'),
      used('openai_api_key'),
      used('openai_api_key'),
    ]);
    expect(JSON.stringify(events)).not.toContain('CANARY');
  });

  it('notes their use once for each run that was under way, on whatever process, and outside of runs once a start', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = { ...agentOf(orgId), epoch: 1 };
    await put(scope, { kind: 'agent', id: agent.agentId }, { openai_api_key: KEY });
    const [first, second] = [newId(), newId()];
    for (const runs of [[first], [first], [first, second], [], []]) {
      await secrets.providerKey({ ...agent, runs }, 'openai');
      await there.get(SecretsService).providerKey({ ...agent, runs }, 'openai');
    }
    const uses = () =>
      test.database.query<{ run: string | null }>(
        `SELECT metadata->>'run' AS run FROM audit_events WHERE org_id = $1 AND action = 'secret.use'`,
        [orgId],
      );
    const noted = await eventually(async () => {
      const rows = await uses();
      return rows.length >= 3 ? rows : undefined;
    });
    expect(noted.map(({ run }) => run).sort()).toEqual([first, second, null].sort());
  });

  it('asks Postgres once for calls that come together, and again after a ring', async () => {
    const { scope, orgId } = await testOrganisation(test.database);
    const agent = agentOf(orgId);
    await put(scope, { kind: 'agent', id: agent.agentId }, { google_api_key: 'AIza-1' });
    const database = here.get(Database);
    const named = database.named.bind(database);
    let asked = 0;
    database.named = (name, ...args) => ((asked += Number(name === 'secrets_find_key')), named(name, ...args)) as never;
    try {
      await Promise.all(Array.from({ length: 20 }, () => secrets.providerKey(agent, 'google')));
      expect(asked).toBe(1);
      here.get(Notices).notify('secrets', agent.agentId);
      await secrets.providerKey(agent, 'google');
      expect(asked).toBe(2);
    } finally {
      database.named = named;
    }
  });
});
