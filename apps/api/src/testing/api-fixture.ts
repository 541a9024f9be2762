import { randomBytes } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '#libs/config';
import { type Caller, type ScopeName, SCOPES, newId } from '#libs/kernel';
import { type Logger, createLogger } from '#libs/observability';
import {
  type Overrides,
  type TestDatabase,
  type TestOrganisation,
  testDatabase,
  testOrganisation,
} from '#libs/testing';
import { createApi } from '../api.js';

export interface ApiRequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; text and bytes are sent as they are. */
  readonly body?: unknown;
  readonly apiKey?: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else text; undefined when empty. */
  readonly body: unknown;
}

/** A member of an organisation with an API key. */
export interface ApiOrganisation extends TestOrganisation {
  readonly apiKey: string;
}

/** The real API, all surfaces, on a database of its own and an ephemeral port. */
export interface ApiFixture {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly db: TestDatabase;
  readonly config: Config;
  request(method: string, path: string, options?: ApiRequestOptions): Promise<ApiAnswer>;
  /** The raw response, for streams. */
  open(method: string, path: string, options?: ApiRequestOptions): Promise<Response>;
  /** A new organisation with an OWNER (or `overrides.role`) and a key with `scopes` (all unless named). */
  organisation(overrides?: Partial<Caller>, scopes?: readonly ScopeName[]): Promise<ApiOrganisation>;
  /** A further key of a member. */
  apiKey(member: { readonly orgId: string; readonly userId: string }, scopes?: readonly ScopeName[]): Promise<string>;
  close(): Promise<void>;
}

/** Boots the API for a suite: in `beforeAll`, closed in `afterAll`. The rate limit is out of the way unless overridden. `moduleOf` replaces the application's own module. */
export async function startApi(
  overrides: Overrides<Config> = {},
  moduleOf?: (config: Config, logger: Logger) => DynamicModule,
): Promise<ApiFixture> {
  const db = await testDatabase();
  const config = db.config({
    http: { port: 0 },
    limits: { ratePerMinute: 1_000_000, authPerMinute: 1_000_000 },
    ...overrides,
  });
  const logger = createLogger('error', 'api', process.stderr); // a suite that meets a 500 says why
  const app = await createApi(config, logger, moduleOf?.(config, logger)).catch(async (error: unknown) => {
    await db.close();
    throw error;
  });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const apiKey: ApiFixture['apiKey'] = (member, scopes = SCOPES) => insertKey(db, member, scopes);
  return {
    url,
    app,
    db,
    config,
    apiKey,
    open: (method, path, options) => send(url + path, method, options),
    request: async (method, path, options) => answerOf(await send(url + path, method, options)),
    organisation: async (caller, scopes) => {
      const organisation = await testOrganisation(db.database, caller);
      return { ...organisation, apiKey: await apiKey(organisation, scopes) };
    },
    close: async () => {
      // A socket that fetch opened and never used counts as busy and would hold the end back for the whole grace.
      app.getHttpServer().closeAllConnections();
      await app.close();
      await db.close();
    },
  };
}

async function insertKey(
  db: TestDatabase,
  member: { readonly orgId: string; readonly userId: string },
  scopes: readonly ScopeName[],
): Promise<string> {
  const key = `ak_live_${randomBytes(16).toString('hex')}`;
  await db.database.query(
    `INSERT INTO api_keys (id, org_id, created_by, name, prefix, key_hash, scopes)
     VALUES ($1, $2, $3, 'test', $4, sha256($5::bytea), $6)`,
    [newId(), member.orgId, member.userId, key.slice(0, 16), Buffer.from(key), [...scopes]],
  );
  return key;
}

function send(url: string, method: string, options: ApiRequestOptions = {}): Promise<Response> {
  const { body, apiKey, token, signal } = options;
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const headers = {
    ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...options.headers,
  };
  const content = raw ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body);
  return fetch(url, {
    method,
    redirect: 'manual',
    headers,
    ...(body === undefined ? {} : { body: content }),
    ...(signal ? { signal } : {}),
  });
}

async function answerOf(response: Response): Promise<ApiAnswer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : isJson ? (JSON.parse(text) as unknown) : text,
  };
}
