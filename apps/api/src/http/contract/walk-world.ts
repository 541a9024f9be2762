import { SessionsService } from '#libs/identity';
import { type Role, newId, prefixedId } from '#libs/kernel';
import { testOrganisation } from '#libs/testing';
import type { ApiFixture, ApiOrganisation } from '../../testing/api-fixture.js';

/** What one organisation owns, at least one thing of every kind a route can name. */
export interface World extends ApiOrganisation {
  readonly agent: string;
  readonly run: string;
  readonly session: string;
  readonly conversation: string;
  readonly swarmRun: string;
  readonly swarm: string;
  readonly task: string;
  readonly file: string;
  readonly skill: string;
  /** Of what the skill consists of. */
  readonly digest: string;
  /** Of a key for a service. */
  readonly serviceKey: string;
  readonly template: string;
  /** Of a capability token. */
  readonly jti: string;
  /** The id of an API key, not the key. */
  readonly keyId: string;
  /** A pending member. */
  readonly invite: string;
}

type Member = Pick<ApiOrganisation, 'orgId' | 'userId'>;

/** The ids a path may hold: a world's own, or ones nobody has. */
export type Ids = Omit<World, Exclude<keyof ApiOrganisation, 'userId'>>;

/** What stands in a path where a template has a parameter, by the template up to and including it. */
const PLACES: Readonly<Record<string, (ids: Ids) => string>> = {
  '/v1/agents/:id': ({ agent }) => agent,
  '/v1/agents/:id/skills/:skillId': ({ skill }) => skill,
  '/v1/skills/:id': ({ skill }) => skill,
  '/v1/disabled-skills/:digest': ({ digest }) => digest,
  '/v1/hosts/:hostId': () => 'host-of-nobody',
  '/v1/swarms/:id': ({ swarm }) => swarm,
  '/v1/swarms/:id/agents/:agentId': ({ agent }) => agent,
  '/v1/swarms/:id/members/:userId': ({ userId }) => userId,
  '/v1/agents/:id/chat/runs/:runId': ({ run }) => run,
  '/v1/agents/:id/personality/versions/:version': () => '1',
  '/v1/agents/:id/rules/:name': () => 'daily',
  '/v1/agents/:id/tasks/:taskId': ({ task }) => task,
  '/v1/knowledge/files/:id': ({ file }) => file,
  '/api/v1/auth/api-keys/:id': ({ keyId }) => keyId,
  '/api/v1/swarms/:id': ({ swarm }) => swarm,
  '/api/v1/swarms/:id/runs/:runId': ({ swarmRun }) => swarmRun,
  '/api/v1/agents/:id': ({ agent }) => agent,
  '/api/v1/agents/:id/personality/:fileType': () => 'soul',
  '/api/v1/agents/:id/skills/:name': ({ skill }) => skill,
  '/api/v1/skills/:name': () => 'ffmpeg',
  '/api/v1/conversations/:id': ({ conversation }) => conversation,
  '/api/v1/api-keys/:service': () => 'openai',
  '/api/v1/templates/:id': ({ template }) => template,
  '/api/v1/settings/api-keys/:id': ({ serviceKey }) => serviceKey,
  '/api/v1/security/tokens/:jti': ({ jti }) => jti,
  '/api/v1/team/members/:id': ({ invite }) => invite,
  '/api/v1/team/members/accept-invite/:token': () => 'not-a-token',
  '/docs/:surface': () => 'agento',
  '/openapi/:file': () => 'agento.json',
};

/** Bodies that pass validation, by row; others are `{}`. They name a thing only where the path names none, so that the path is what is refused. */
const BODIES: Readonly<Record<string, (ids: Ids) => object>> = {
  'POST /v1/agents': ({ swarm }) => ({ name: 'Walker', config: { llmProvider: 'demo' }, swarmId: swarm }),
  'PATCH /v1/agents/:id': () => ({ name: 'Walked over' }),
  'POST /v1/agents/:id/chat/messages': () => ({ message: 'Hi' }),
  'PUT /v1/agents/:id/secrets': () => ({ secrets: { openai_api_key: 'sk-walked-over' } }),
  'PUT /v1/agents/:id/personality': () => ({ soulMd: 'Walked over' }),
  'PUT /v1/agents/:id/workflow': () => ({ workflowMd: 'Walked over' }),
  'PUT /v1/agents/:id/rules/:name': () => ({ content: 'Walked over' }),
  'POST /v1/agents/:id/skills': () => ({ skillId: 'code-review', trustLevel: 'verified' }),
  'PUT /v1/disabled-skills/:digest': () => ({ reason: 'Walked over' }),
  'PATCH /v1/swarms/:id': () => ({ name: 'Walked over' }),
  'PUT /v1/budgets': ({ agent }) => ({ scope: 'agent', id: agent, dailyLimitTokens: 7 }),
  'PUT /v1/swarms/:id/secrets': () => ({ secrets: { openai_api_key: 'sk-walked-over' } }),
  'POST /v1/knowledge/ingest': ({ agent }) => ({ agentId: agent, chunks: [{ text: 'Walked over', source: 'walk' }] }),
  'POST /v1/knowledge/files': ({ agent }) => ({ agentId: agent, name: 'walk.txt', content: 'V2Fsa2VkIG92ZXI=' }),
  'POST /v1/agents/:id/tasks': () => ({ title: 'Walked over' }),
  'PATCH /v1/agents/:id/tasks/:taskId': () => ({ title: 'Walked over' }),
  'POST /api/v1/agents': ({ swarm }) => ({ name: 'Walker', board_id: swarm }),
  'PUT /api/v1/agents/:id': () => ({ name: 'Walked over' }),
  'PATCH /api/v1/agents/:id/settings': () => ({ name: 'Walked over' }),
  'POST /api/v1/agents/:id/message': () => ({ message: 'Walked over' }),
  'POST /api/v1/agents/:id/skills': () => ({ skill_name: 'prettier' }),
  'POST /api/v1/swarms': ({ agent }) => ({ name: 'Walker', strategy: 'parallel', agent_ids: [agent] }),
  'PATCH /api/v1/swarms/:id': () => ({ name: 'Walked over' }),
  'POST /api/v1/swarms/:id/agents': ({ agent }) => ({ agent_ids: [agent] }),
  'POST /api/v1/agents/:id/personality/initialize': () => ({ agent_name: 'Walked over', force: true }),
  'PUT /api/v1/agents/:id/personality/:fileType': () => ({ content: 'Walked over' }),
  'POST /api/v1/team/members/invite': () => ({ email: 'walker@example.test', name: 'Walker', role: 'MEMBER' }),
  'PATCH /api/v1/team/members/:id/role': () => ({ role: 'VIEWER' }),
  'PUT /api/v1/team/members/:id/role': () => ({ role: 'VIEWER' }),
  'PATCH /api/v1/team/members/:id/status': () => ({ status: 'SUSPENDED' }),
  'POST /api/v1/conversations': ({ agent }) => ({ agent_id: agent }),
  'POST /api/v1/conversations/:id/messages': () => ({ role: 'user', content: 'Walked over' }),
  'POST /api/v1/conversations/:id/attach-agent': ({ agent }) => ({ agent_id: agent }),
  'POST /api/v1/conversations/:id/search': () => ({ query: 'name' }),
  'POST /api/v1/auth/api-keys': () => ({ name: 'Walker', scopes: ['agents:read'] }),
  'POST /api/v1/security/tokens': () => ({
    peer_id: 'walker',
    capabilities: ['chat'],
    max_gpu_minutes: 0,
    max_concurrent_tasks: 0,
  }),
  'POST /api/v1/auth/change-password': () => ({ current_password: 'Wrong-1234', new_password: 'Other-12345' }),
};

const QUERIES: Readonly<Record<string, (ids: Ids) => string>> = {
  'GET /v1/knowledge': ({ agent }) => `?agentId=${agent}`,
  'GET /v1/knowledge/search': ({ swarm }) => `?swarmId=${swarm}&q=name`,
  'GET /v1/knowledge/files': ({ swarm }) => `?swarmId=${swarm}`,
  'DELETE /v1/knowledge': ({ agent }) => `?agentId=${agent}&all=true&confirm=true`,
  'GET /v1/agents': ({ swarm }) => `?swarmId=${swarm}`,
  'GET /v1/usage': ({ agent }) => `?agentId=${agent}&groupBy=agent`,
  'DELETE /api/v1/swarms/:id/agents': ({ agent }) => `?agent_ids=${agent}`,
  'GET /api/v1/conversations/:id/search': () => '?q=name',
  'GET /v1/agents/:id/chat/messages': ({ session }) => `?sessionId=${session}`,
};

const nobodysIds = (): Ids => ({
  agent: newId(),
  run: newId(),
  session: prefixedId('sess'),
  conversation: newId(),
  swarmRun: newId(),
  swarm: newId(),
  task: newId(),
  file: newId(),
  skill: `skill-${newId()}`,
  digest: `${newId()}${newId()}`.replaceAll('-', ''),
  keyId: newId(),
  userId: newId(),
  jti: newId(),
  invite: newId(),
  serviceKey: newId(),
  template: `template-${newId()}`,
});

export const NOBODYS_IDS: Ids = nobodysIds();

/** The path of a template with every parameter filled. @throws Error that says where to add one that is new. */
export function pathOfTemplate(template: string, ids: Ids): string {
  const parts = template.split('/');
  return parts.map((part, index) => (part.startsWith(':') ? placed(parts.slice(0, index + 1), ids) : part)).join('/');
}

function placed(parts: readonly string[], ids: Ids): string {
  const place = PLACES[parts.join('/')];
  if (place) return place(ids);
  throw new Error(
    `No value for ${parts.join('/')}: add to PLACES in walk-world.ts what it names, and to World one of it`,
  );
}

/** Path and body of a request to a route that names the things of `ids` wherever it can. */
export function requestOf(method: string, template: string, ids: Ids): { path: string; body?: object } {
  const row = `${method} ${template}`;
  const path = pathOfTemplate(template, ids) + (QUERIES[row.replace('HEAD ', 'GET ')]?.(ids) ?? '');
  const takesBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  return { path, ...(takesBody ? { body: BODIES[row]?.(ids) ?? {} } : {}) };
}

/** What its swarm knows, what the agent is able and what it is to do. */
async function insertWhatAgentsHave(
  insert: (sql: string, ...values: unknown[]) => Promise<unknown>,
  orgId: string,
  ids: Ids,
): Promise<void> {
  await insert(
    `WITH base AS (INSERT INTO knowledge_bases (id, org_id, swarm_id, embedder, head, chunk_count)
                   VALUES ($1, $2, $3, 'none', 1, 1) RETURNING id),
          file AS (INSERT INTO knowledge_files (id, org_id, base_id, name, format, chunk_size, metadata, size_bytes, created_by)
                   SELECT $6, $2, id, $5, 'txt', 1500, '{}', 1, 'x' FROM base)
     INSERT INTO knowledge_chunks (base_id, seq, id, org_id, source, type, text, text_hash)
     SELECT id, 1, $4, $2, $5, 'article', $5, 'x' FROM base`,
    ...[newId(), orgId, ids.swarm, newId(), nameIn(orgId), ids.file],
  );
  await insert(
    `WITH content AS (INSERT INTO skill_contents (digest, files, file_count, size_bytes) VALUES ($7, '{}', 0, 0)),
          skill AS (INSERT INTO skills (key, org_id, id, trust_level, name, description, enhanced_description, author,
                                        category, tags, use_cases, tool_count, version, digest, permissions, search)
                    VALUES ($4, $1, $3, 'custom', $5, $5, $5, 'x', 'x', '{}', '{}', 0, '1.0.0', $7,
                            '{"network":[],"read":[],"write":[],"env":[]}', ''))
     INSERT INTO agent_skills (id, org_id, agent_id, skill_key, skill_id, name, trust_level, version, digest, installed_by)
     VALUES ($6, $1, $2, $4, $3, $5, 'custom', '1.0.0', $7, 'x')`,
    ...[orgId, ids.agent, ids.skill, newId(), nameIn(orgId), prefixedId('as'), ids.digest],
  );
  await insert(
    `INSERT INTO tasks (id, org_id, agent_id, created_by, title) VALUES ($1, $2, $3, 'user:x', $4)`,
    ...[ids.task, orgId, ids.agent, nameIn(orgId)],
  );
}

/** Who is to come, what its swarm did, a key for a service and a template. */
async function insertTeam(
  insert: (sql: string, ...values: unknown[]) => Promise<unknown>,
  orgId: string,
  ids: Ids,
): Promise<void> {
  await insert(
    `INSERT INTO swarm_runs (id, org_id, swarm_id, strategy, started_by, status) VALUES ($1, $2, $3, 'parallel', $4, 'completed')`,
    ...[ids.swarmRun, orgId, ids.swarm, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO invites (id, org_id, email, name, role, token_hash, expires_at)
     VALUES ($1, $2, $3, $4, 'MEMBER', $5, now() + interval '1 day')`,
    ...[ids.invite, orgId, `${ids.invite}@example.test`, nameIn(orgId), Buffer.from(ids.invite)],
  );
  await insert(
    `INSERT INTO tool_installs (id, org_id, name, action, host_id, timeout_seconds, requested_by, state, finished_at)
     VALUES ($1, $2, 'ffmpeg', 'uninstall', 'x', 30, $3, 'done', now())`,
    ...[prefixedId('ti', newId()), orgId, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO service_keys (id, org_id, service, masked_key) VALUES ($1, $2, 'openai', $3)`,
    ...[ids.serviceKey, orgId, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO agent_templates (org_id, id, name, description, category, default_model, default_persona,
                                  default_heartbeat_interval) VALUES ($1, $2, $3, $3, 'engineering', 'demo', $3, '1h')`,
    ...[orgId, ids.template, nameIn(orgId)],
  );
}

/** An organisation with a running agent that was talked to, as rows. */
export async function makeWorld(api: ApiFixture): Promise<World> {
  const organisation = await api.organisation();
  const { orgId, userId } = organisation;
  const ids = { ...nobodysIds(), userId };
  const insert = (sql: string, ...values: unknown[]): Promise<unknown> => api.db.database.query(sql, values);
  await insert(`INSERT INTO hosts (id, runtime, capacity_agents) VALUES ($1, 'process', 0)`, orgId);
  await insert(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, $3, 's')`, ids.swarm, orgId, nameIn(orgId));
  await insert(
    'INSERT INTO swarm_members (swarm_id, user_id, org_id) VALUES ($1, $2, $3)',
    ...[ids.swarm, userId, orgId],
  );
  await insert(
    `INSERT INTO agents (id, org_id, swarm_id, name, region, image, status, host_id, epoch, instance_epoch, endpoint)
     VALUES ($1, $2, $3, $4, 'eu', 'x', 'running', $5, 1, 1, '127.0.0.1:9')`,
    ...[ids.agent, orgId, ids.swarm, nameIn(orgId), orgId],
  );
  await insert(
    `INSERT INTO agent_files (agent_id, org_id, path, content, sha256)
     VALUES ($1, $2, 'SOUL.md', $3, 'x'), ($1, $2, 'rules/daily.md', $3, 'x')`,
    ...[ids.agent, orgId, nameIn(orgId)],
  );
  await insertWhatAgentsHave(insert, orgId, ids);
  await insert(
    `INSERT INTO secrets (id, org_id, owner_kind, owner_id, name, key_version, ciphertext)
     VALUES ($1, $2, 'agent', $3, 'openai_api_key', 1, 'x'), ($4, $2, 'swarm', $5, 'openai_api_key', 1, 'x')`,
    ...[newId(), orgId, ids.agent, newId(), ids.swarm],
  );
  await insert(
    `INSERT INTO chat_sessions (id, org_id, agent_id, owner, name, user_id, conversation_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    ...[ids.session, orgId, ids.agent, `user:${userId}`, nameIn(orgId), userId, ids.conversation],
  );
  await insert(
    `INSERT INTO runs (id, org_id, agent_id, session_id, instance_id, status) VALUES ($1, $2, $3, $4, $5, 'completed')`,
    ...[ids.run, orgId, ids.agent, ids.session, newId()],
  );
  await insert(
    `INSERT INTO messages (org_id, agent_id, session_id, run_id, role, content) VALUES ($1, $2, $3, $4, 'user', $5)`,
    ...[orgId, ids.agent, ids.session, ids.run, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO usage_daily (org_id, day, agent_id, swarm_id, provider, model, calls)
     VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, $3, 'openai', $4, 1)`,
    ...[orgId, ids.agent, ids.swarm, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO budgets (id, org_id, scope_kind, scope_id, day_limit_tokens, day, updated_by)
     VALUES ($1, $2, 'agent', $3, 1, (now() AT TIME ZONE 'UTC')::date, $4)`,
    ...[newId(), orgId, ids.agent, nameIn(orgId)],
  );
  await insert(
    `INSERT INTO capability_tokens (jti, org_id, created_by, peer_id, capabilities, max_gpu_minutes, max_concurrent_tasks,
                                    issued_at, expires_at)
     VALUES ($1, $2, $3, $4, '{chat}', 0, 0, now(), now() + interval '1 hour')`,
    ...[ids.jti, orgId, userId, nameIn(orgId)],
  );
  await insertTeam(insert, orgId, ids);
  const [key] = await api.db.database.query<{ id: string }>('SELECT id FROM api_keys WHERE org_id = $1', [orgId]);
  return { ...organisation, ...ids, keyId: key?.id ?? '' };
}

/** Whatever of a world must not be read by others: every text of its making says this. */
export const nameIn = (orgId: string): string => `Name in ${orgId}`;

/** The access token of a new member of an organisation. */
export async function memberToken(api: ApiFixture, orgId: string, role: Role): Promise<string> {
  return ownerToken(api, await testOrganisation(api.db.database, { orgId, role }));
}

/** A new login session's access token of an organisation's owner. */
export async function ownerToken(api: ApiFixture, { orgId, userId }: Member): Promise<string> {
  const sessions = api.app.get(SessionsService, { strict: false });
  const holder = { orgId, userId, email: `${userId}@example.test` };
  return (await api.db.database.transaction((tx) => sessions.open(tx, holder))).accessToken;
}

/**
 * A digest of every row of an organisation by table, found by its columns, so a new table is covered at once. The audit
 * log alone is left out: it tells of refusals.
 */
export async function digestOf(api: ApiFixture, world: World): Promise<Record<string, string>> {
  const tables = await api.db.database.query<{ name: string; hangs_on: 'org_id' | 'agent_id' }>(
    `SELECT c.table_name AS name, max(c.column_name) AS hangs_on FROM information_schema.columns c
       JOIN information_schema.tables t USING (table_schema, table_name)
      WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.column_name IN ('org_id', 'agent_id')
        AND c.table_name <> 'audit_events'
      GROUP BY c.table_name`,
  );
  const wanted = [
    ...tables.map(({ name, hangs_on: column }) => [name, column, column === 'org_id' ? world.orgId : world.agent]),
    ['organisations', 'id', world.orgId],
    ['users', 'id', world.userId],
  ] as const;
  const digests = await Promise.all(
    wanted.map(async ([table, column, value]) => {
      const [row] = await api.db.database.query<{ digest: string }>(
        `SELECT count(*) || ':' || md5(string_agg(line, ',' ORDER BY line)) AS digest
           FROM (SELECT (to_jsonb(t) - 'last_used_at')::text AS line FROM "${table}" t WHERE t."${column}" = $1) lines`,
        [value],
      );
      return [table, row?.digest ?? '0'] as const;
    }),
  );
  return Object.fromEntries(digests);
}
