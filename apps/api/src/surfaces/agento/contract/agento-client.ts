import { expect } from '@jest/globals';
import { newId } from '#libs/kernel';
import type { ApiAnswer, ApiFixture, ApiOrganisation } from '../../../testing/api-fixture.js';

export type Data = Record<string, unknown>;

/** The documented form of a moment, for `toEqual`. */
export const iso: unknown = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
export const uuid: unknown = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

const RATE_LIMIT = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];

/** A row of `agents` as its host left it. */
export interface InsertedAgent {
  /** Default: running. */
  readonly status?: 'running' | 'stopped';
  readonly config?: object;
  readonly swarmId?: string;
  readonly hostId?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Speaks for one organisation to the surface, and looks behind it. */
export interface AgentoClient {
  readonly org: ApiOrganisation;
  /** `path` from `/v1` on. */
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** The `data` of a good answer. @throws Error with the answer when it is a refusal. */
  data(method: string, path: string, body?: unknown): Promise<Data>;
  /** Expects exactly this refusal, with the headers of the rate limit, and not one row of the named tables to change. */
  refused(
    status: number,
    code: string,
    request: readonly [method: string, path: string, body?: unknown] | (() => Promise<ApiAnswer>),
    message?: RegExp,
  ): Promise<ApiAnswer>;
  /** An agent that no host works on, unless it is given one. @returns its id. */
  insertAgent(agent?: InsertedAgent): Promise<string>;
}

/** `tables`: those that no refusal may change. */
export function agentoClient(api: ApiFixture, org: ApiOrganisation, tables: readonly string[]): AgentoClient {
  const call: AgentoClient['call'] = (method, path, body) =>
    api.request(method, `/v1${path}`, { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) });
  return {
    org,
    call,
    data: async (method, path, body) => {
      const answer = await call(method, path, body);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return (answer.body as { data: Data }).data;
    },
    refused: async (status, code, request, message = /./) => {
      const before = await digests(api, tables);
      const answer = await (typeof request === 'function' ? request() : call(...request));
      expect({ status: answer.status, body: answer.body }).toEqual({
        status,
        body: { error: { code, message: expect.stringMatching(message) } },
      });
      for (const header of RATE_LIMIT) {
        expect([header, answer.headers.get(header)]).toEqual([header, expect.stringMatching(/^\d+$/)]);
      }
      expect(await digests(api, tables)).toEqual(before);
      return answer;
    },
    insertAgent: (agent) => insertAgent(api, org, agent),
  };
}

async function insertAgent(api: ApiFixture, org: ApiOrganisation, agent: InsertedAgent = {}): Promise<string> {
  const { status = 'running', config = {}, swarmId = null, hostId = null, files = {} } = agent;
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status, desired_state, observed_generation, config, swarm_id, host_id)
     VALUES ($1, $2, 'A', 'eu', 'x', $3, $3, 1, $4, $5, $6)`,
    [id, org.orgId, status, JSON.stringify(config), swarmId, hostId],
  );
  await api.db.database.query(
    `INSERT INTO agent_files (agent_id, org_id, path, content, sha256)
     SELECT $1, $2, f.key, f.value, encode(sha256(f.value::bytea), 'hex') FROM jsonb_each_text($3::jsonb) f`,
    [id, org.orgId, JSON.stringify(files)],
  );
  return id;
}

/** A digest of every row by table. */
const digests = (api: ApiFixture, tables: readonly string[]): Promise<unknown> =>
  Promise.all(
    tables.map(async (table) => {
      const sql = `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS digest FROM ${table} t`;
      return [table, (await api.db.database.query<{ digest: string }>(sql))[0]?.digest];
    }),
  );
