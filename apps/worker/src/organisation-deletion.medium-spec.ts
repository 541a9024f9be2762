import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { AgentsService } from '#libs/agents';
import { CredentialService, OrganisationDeletions } from '#libs/identity';
import { newId } from '#libs/kernel';
import { silentLogger } from '#libs/observability';
import { type TestDatabase, type TestOrganisation, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { WorkerModule } from './worker.module.js';

const signal = new AbortController().signal;

/** Tables with an organisation in them that outlive it: what is still to be deleted from the storage, and the audit log. */
const OUTLIVE = ['storage_deletions', 'audit_events', 'audit_heads'];

const TABLES = `
  SELECT c.table_name AS name FROM information_schema.columns c
    JOIN information_schema.tables t ON t.table_name = c.table_name AND t.table_schema = c.table_schema
   WHERE c.table_schema = current_schema() AND c.column_name = 'org_id' AND t.table_type = 'BASE TABLE' ORDER BY 1`;

/** One row or more in each table that other domains fill. */
async function fill(db: TestDatabase, org: TestOrganisation, agentId: string): Promise<void> {
  const [swarmId, baseId, sessionId, runId] = [newId(), newId(), newId(), newId()];
  const all: [string, unknown[]][] = [
    [`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', 's')`, [swarmId, org.orgId]],
    [
      `INSERT INTO chat_sessions (id, org_id, agent_id, owner) VALUES ($1, $2, $3, 'me')`,
      [sessionId, org.orgId, agentId],
    ],
    [
      `INSERT INTO runs (id, org_id, agent_id, session_id, instance_id, status) VALUES ($1, $2, $3, $4, $1, 'completed')`,
      [runId, org.orgId, agentId, sessionId],
    ],
    [
      `INSERT INTO messages (org_id, agent_id, session_id, run_id, role, content) VALUES ($1, $2, $3, $4, 'user', 'hi')`,
      [org.orgId, agentId, sessionId, runId],
    ],
    [
      `INSERT INTO knowledge_bases (id, org_id, swarm_id, embedder) VALUES ($1, $2, $3, 'none')`,
      [baseId, org.orgId, swarmId],
    ],
    [
      `INSERT INTO knowledge_chunks (base_id, seq, id, org_id, source, type, text, text_hash)
       VALUES ($1, 1, $1, $2, 'a', 'text', 'birds', '\\x00')`,
      [baseId, org.orgId],
    ],
    [
      `INSERT INTO usage_daily (org_id, day, agent_id, provider, model) VALUES ($1, current_date, $2, 'demo', 'm')`,
      [org.orgId, agentId],
    ],
    [
      `INSERT INTO usage_reservations (id, org_id, agent_id, instance_id, provider, model, day, held_micro_usd, held_tokens,
         input_tokens) VALUES ($1, $2, $3, (SELECT id FROM instances LIMIT 1), 'demo', 'm', current_date, 0, 0, 0)`,
      [newId(), org.orgId, agentId],
    ],
  ];
  for (const [sql, values] of all) await db.database.query(sql, values);
}

describe('deleting an organisation', () => {
  let db: TestDatabase;
  let app: TestingModule;
  let deletions: OrganisationDeletions;
  let agents: AgentsService;

  beforeAll(async () => {
    db = await testDatabase();
    const worker = WorkerModule.forRoot(db.config({ runtime: 'fake' }), silentLogger());
    app = await Test.createTestingModule({ imports: [worker] }).compile();
    await app.init();
    deletions = app.get(OrganisationDeletions, { strict: false });
    agents = app.get(AgentsService, { strict: false });
  }, 60_000);
  afterAll(async () => {
    await app.close();
    await db.close();
  });

  const furnished = async (): Promise<TestOrganisation & { agentId: string }> => {
    const org = await testOrganisation(db.database);
    const secrets = { openai_api_key: 'sk-canary-departure' };
    const { id } = await agents.create(org.caller, { name: 'Ada', secrets, config: { llmProvider: 'openai' } });
    await agents.settle(org.caller, id, { timeoutMs: 20_000, signal });
    await fill(db, org, id);
    return { ...org, agentId: id };
  };
  const rowsOf = async (orgId: string): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const { name } of await db.database.query<{ name: string }>(TABLES)) {
      const [row] = await db.database.query<{ rows: number }>(
        `SELECT count(*)::int AS rows FROM ${name} WHERE org_id = $1`,
        [orgId],
      );
      if (!OUTLIVE.includes(name)) found[name] = row?.rows ?? 0;
    }
    return found;
  };
  const gone = (orgId: string): Promise<unknown> =>
    eventually(async () => !(await deletions.exists({ orgId })), { timeoutMs: 20_000 });

  it('leaves no row and no instance of it, and another organisation as it was', async () => {
    const [doomed, other] = [await furnished(), await furnished()];
    const before = await rowsOf(other.orgId);
    const filled = await rowsOf(doomed.orgId);
    for (const table of ['agents', 'messages', 'knowledge_chunks', 'usage_reservations', 'organisation_keys']) {
      expect([table, filled[table]]).toEqual([table, 1]);
    }
    await deletions.begin(doomed.scope);
    await gone(doomed.orgId);
    expect(Object.entries(await rowsOf(doomed.orgId)).filter(([, rows]) => rows > 0)).toEqual([]);
    const logs = await db.database.query('SELECT 1 FROM log_lines WHERE agent_id = $1', [doomed.agentId]);
    expect(logs).toEqual([]);
    expect(await db.database.query('SELECT 1 FROM users WHERE id = $1', [doomed.userId])).toEqual([]);
    const after = await rowsOf(other.orgId);
    expect(Object.keys(before).filter((table) => (after[table] ?? 0) < (before[table] ?? 0))).toEqual([]);
    expect(await agents.get(other.caller, other.agentId)).toMatchObject({ status: 'running' });
  }, 60_000);

  it('lets nobody in and destroys secrets and keys before anything else is done', async () => {
    const org = await furnished();
    const credentials = app.get(CredentialService, { strict: false });
    const key = `ak_live_${'ab'.repeat(16)}`;
    await db.database.query(
      `INSERT INTO api_keys (id, org_id, created_by, name, prefix, key_hash, scopes)
       VALUES ($1, $2, $3, 'k', 'ak', sha256($4), '{chat}')`,
      [newId(), org.orgId, org.userId, Buffer.from(key)],
    );
    expect(await credentials.fromApiKey(key)).toMatchObject({ orgId: org.orgId });
    await deletions.begin(org.scope);
    expect(await credentials.fromApiKey(key)).toBeUndefined();
    const left = await db.database.query(
      `SELECT 1 FROM organisation_keys WHERE org_id = $1 UNION ALL SELECT 1 FROM secrets WHERE org_id = $1`,
      [org.orgId],
    );
    expect(left).toEqual([]);
    const late = agents.create(org.caller, { name: 'Late', secrets: {}, config: { llmProvider: 'demo' } });
    await expect(late).rejects.toMatchObject({ kind: 'not_found' });
    await deletions.begin(org.scope).catch((error: { kind: string }) => expect(error.kind).toBe('not_found'));
    await gone(org.orgId);
  }, 60_000);

  it('keeps the accounts of those who belong elsewhere too', async () => {
    const [org, other] = [await testOrganisation(db.database), await testOrganisation(db.database)];
    await db.database.query(`INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, 'MEMBER')`, [
      other.orgId,
      org.userId,
    ]);
    await deletions.begin(org.scope);
    await gone(org.orgId);
    expect(await db.database.query('SELECT 1 FROM users WHERE id = $1', [org.userId])).toHaveLength(1);
    expect(await db.database.query('SELECT 1 FROM memberships WHERE org_id = $1', [other.orgId])).toHaveLength(2);
  }, 60_000);

  it('is refused where it would take the only platform admin, and changes nothing then', async () => {
    const org = await testOrganisation(db.database);
    await db.database.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [org.userId]);
    await expect(deletions.begin(org.scope)).rejects.toMatchObject({ code: 'last_platform_admin' });
    const [row] = await db.database.query('SELECT deleting_since FROM organisations WHERE id = $1', [org.orgId]);
    expect(row).toEqual({ deleting_since: null });
    expect(await db.database.query('SELECT 1 FROM memberships WHERE org_id = $1', [org.orgId])).toHaveLength(1);
    const { caller } = await testOrganisation(db.database);
    await db.database.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [caller.userId]);
    await deletions.begin(org.scope);
    await gone(org.orgId);
  }, 60_000);
});
