import { Body, Controller, type DynamicModule, Get, Inject, Injectable, Module, Post } from '@nestjs/common';
import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { InstancesModule } from '#libs/instances';
import { type Caller, newId } from '#libs/kernel';
import { type Logger, LoggerModule } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import type { Surface } from '../../surfaces/surface.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../testing/api-fixture.js';
import { CallerOf, ClientGone } from '../caller-of.js';
import { HttpModule } from '../http.module.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../idempotency/idempotent.js';
import type { PolicyTable } from '../policy.js';
import { EventStream, sse } from '../sse.js';
import { PLAIN_SURFACE } from '../surface-registry.js';

class ThingDto {
  @IsString()
  name!: string;

  @IsOptional()
  @IsBoolean()
  fail?: boolean;
}

/** Counts what was made and lets a spec hold the next request back. */
@Injectable()
class Workshop {
  made = 0;
  readonly resourceIds: (string | undefined)[] = [];
  gate: Promise<void> = Promise.resolve();
  clientLeft: Promise<void> = Promise.resolve();
}

@Controller('t')
class ThingsController {
  constructor(@Inject(Workshop) private readonly workshop: Workshop) {}

  @Post('things')
  @Idempotent()
  async make(@Body() body: ThingDto, @IdempotencyOf() slot: IdempotencySlot | undefined): Promise<object> {
    this.workshop.resourceIds.push(slot?.resourceId);
    await this.workshop.gate;
    if (body.fail) throw new Error('password=hunter2');
    this.workshop.made += 1;
    return { n: this.workshop.made, name: body.name };
  }

  @Post('runs')
  @EventStream()
  @Idempotent('run')
  async run(@IdempotencyOf() slot: IdempotencySlot | undefined): Promise<unknown> {
    const runId = slot?.replayRunId ?? newId();
    if (!slot?.replayRunId) this.workshop.made += 1;
    await slot?.bindRun(runId);
    return sse(frames(runId));
  }

  @Get('me')
  me(@CallerOf() caller: Caller): object {
    return { subject: caller.subject };
  }

  @Get('forever')
  @EventStream()
  forever(@ClientGone() gone: AbortSignal): unknown {
    this.workshop.clientLeft = new Promise((resolve) => gone.addEventListener('abort', () => resolve()));
    return sse(waiting(gone));
  }
}

async function* frames(runId: string): AsyncGenerator<string> {
  yield `data: ${runId}\n\n`;
}

async function* waiting(gone: AbortSignal): AsyncGenerator<string> {
  yield 'data: begun\n\n';
  await new Promise((resolve) => gone.addEventListener('abort', resolve));
}

@Module({ controllers: [ThingsController], providers: [Workshop] })
class ThingsModule {}

const surface: Surface = { ...PLAIN_SURFACE, name: 'things', prefix: '/t', module: ThingsModule };

const TABLE: PolicyTable = {
  'POST /t/things': { who: ['user', 'key'], scope: 'agents:write' },
  'POST /t/runs': { who: ['user', 'key'], scope: 'chat' },
  'GET /t/me': { who: ['user', 'key'] },
  'GET /t/forever': { who: ['key'] },
};

@Module({})
class ThingsApp {
  static with(config: Config, logger: Logger, table: PolicyTable): DynamicModule {
    return {
      module: ThingsApp,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(logger),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('api'),
        QueueModule.forProducer(),
        HttpModule.forRoot([surface], table),
        ThingsModule,
      ],
    };
  }
}

const RATE = 40;
let api: ApiFixture;
let workshop: Workshop;
beforeAll(async () => {
  api = await startApi({ limits: { ratePerMinute: RATE } }, (config, logger) => ThingsApp.with(config, logger, TABLE));
  workshop = api.app.get(Workshop, { strict: false });
}, 60_000);
afterAll(() => api.close());

const make = (apiKey: string, key: string, body: unknown = { name: 'a' }, path = '/t/things'): Promise<ApiAnswer> =>
  api.request('POST', path, { apiKey, body, headers: { 'idempotency-key': key } });
const codeOf = (answer: ApiAnswer): string => (answer.body as { error: { code: string } }).error.code;

describe('a route', () => {
  let org: ApiOrganisation;
  beforeAll(async () => {
    org = await api.organisation();
  });

  it('knows its caller', async () => {
    const { status, body } = await api.request('GET', '/t/me', { apiKey: org.apiKey });
    expect([status, body]).toEqual([200, { subject: expect.stringMatching(/^key:/) }]);
  });

  it('refuses a key without its scope and changes nothing', async () => {
    const reader = await api.apiKey(org, ['agents:read']);
    const before = workshop.made;
    const answer = await api.request('POST', '/t/things', { apiKey: reader, body: { name: 'a' } });
    expect([answer.status, codeOf(answer), workshop.made]).toEqual([403, 'forbidden', before]);
  });

  it.each([
    ['no key', {}],
    ['an unknown key', { apiKey: `ak_live_${'0'.repeat(32)}` }],
    ['a malformed key', { apiKey: 'sk-nonsense' }],
    ['a malformed token', { token: 'nonsense' }],
    ['another scheme', { headers: { authorization: 'Basic YTpi' } }],
  ])('refuses %s before it reads the body', async (_what, options) => {
    const answer = await api.request('POST', '/t/things', { body: '{broken', ...options });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthorized']);
  });

  it('never tells what went wrong inside, only where to look it up', async () => {
    const { status, body } = await api.request('POST', '/t/things', {
      apiKey: org.apiKey,
      body: { name: 'a', fail: true },
      headers: { 'x-request-id': 'look-me-up' },
    });
    expect([status, body]).toEqual([
      500,
      { error: { code: 'internal_error', message: 'Something went wrong on our side', requestId: 'look-me-up' } },
    ]);
  });

  it('takes a harmless request id and makes its own instead of another', async () => {
    const ids = await Promise.all(
      ['abc-1', 'two words', 'x'.repeat(200)].map(async (id) => {
        const { headers } = await api.request('GET', '/t/me', { apiKey: org.apiKey, headers: { 'x-request-id': id } });
        return headers.get('x-request-id');
      }),
    );
    expect(ids[0]).toBe('abc-1');
    expect(ids.slice(1).every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true);
  });

  it('takes an empty body for none', async () => {
    const answer = await api.request('POST', '/t/things', {
      apiKey: org.apiKey,
      body: '',
      headers: { 'content-type': 'application/json' },
    });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'validation_error']);
  });

  it('learns that the client of a stream left', async () => {
    const leaving = new AbortController();
    const response = await api.open('GET', '/t/forever', { apiKey: org.apiKey, signal: leaving.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    await expect(workshop.clientLeft).resolves.toBeUndefined();
  });

  it.each([
    ['its key is revoked', 'UPDATE api_keys SET revoked_at = now() WHERE org_id = $1'],
    ['its member is removed', 'DELETE FROM memberships WHERE org_id = $1'],
    ['its member is suspended', `UPDATE memberships SET status = 'SUSPENDED' WHERE org_id = $1`],
  ])('ends a stream once %s, and no other', async (_what, sql) => {
    const [gone, staying] = [await api.organisation(), await api.organisation()];
    const leaving = new AbortController();
    const open = (apiKey: string) => api.open('GET', '/t/forever', { apiKey, signal: leaving.signal });
    const [cut, kept] = [await open(gone.apiKey), await open(staying.apiKey)];
    await api.db.database.query(sql, [gone.orgId]);
    await expect(cut.text()).rejects.toThrow();
    const reader = kept.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    leaving.abort();
  });
});

describe('what no route answers', () => {
  it.each([
    ['an unknown route', 'GET', '/t/nothing', {}, 404, 'not_found'],
    ['an unknown route outside every surface', 'GET', '/nothing', {}, 404, 'not_found'],
    ['another method', 'DELETE', '/t/me', {}, 405, 'method_not_allowed'],
    ['a malformed address', 'GET', '/t/%zz', {}, 400, 'bad_request'],
  ])('%s: carries the limit headers', async (_what, method, path, options, status, code) => {
    const answer = await api.request(method, path, options);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(answer.headers.get('x-ratelimit-limit')).toBe(String(RATE));
    expect(answer.headers.get('x-request-id')).toBeTruthy();
  });

  it('names the methods a path does know', async () => {
    expect((await api.request('DELETE', '/t/me')).headers.get('allow')).toBe('GET, HEAD');
  });

  it.each([
    ['malformed JSON', '{broken', 'application/json', 400, 'malformed_json'],
    ['a poisoned prototype', '{"__proto__":{"a":1},"name":"x"}', 'application/json', 400, 'validation_error'],
    ['another type', 'name=a', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['text', 'hello', 'text/plain', 415, 'unsupported_media_type'],
    ['over 1 MiB', `{"name":"${'x'.repeat(1_048_576)}"}`, 'application/json', 413, 'payload_too_large'],
    ['a list', '[]', 'application/json', 400, 'validation_error'],
  ])('a body that is %s', async (_what, body, type, status, code) => {
    const { apiKey } = await api.organisation();
    const before = workshop.made;
    const answer = await api.request('POST', '/t/things', { apiKey, body, headers: { 'content-type': type } });
    expect([answer.status, codeOf(answer), workshop.made]).toEqual([status, code, before]);
    expect(answer.headers.get('x-ratelimit-remaining')).toBe(String(RATE - 1));
  });
});

describe('the rate limit', () => {
  it('lets exactly as many in as it says, however they come, and then says when to try again', async () => {
    const { apiKey } = await api.organisation();
    const answers = await Promise.all(
      Array.from({ length: RATE + 10 }, (_, n) => api.request('GET', n % 2 === 0 ? '/t/me' : '/t/nothing', { apiKey })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(10);
    const [first] = refused;
    expect(Number(first?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(first?.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(Number(first?.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1_000);
    const left = answers
      .filter(({ status }) => status !== 429)
      .map(({ headers }) => headers.get('x-ratelimit-remaining'));
    expect(left.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: RATE }, (_, n) => n));
  });

  it('counts each key for itself', async () => {
    const org = await api.organisation();
    const other = await api.apiKey(org);
    await api.request('GET', '/t/me', { apiKey: org.apiKey });
    const { headers } = await api.request('GET', '/t/me', { apiKey: other });
    expect(headers.get('x-ratelimit-remaining')).toBe(String(RATE - 1));
  });

  it('believes no X-Forwarded-For unless told to', async () => {
    const ask = async (address: string): Promise<number> => {
      const { headers } = await api.request('GET', '/t/nothing', { headers: { 'x-forwarded-for': address } });
      return Number(headers.get('x-ratelimit-remaining'));
    };
    expect(await ask('203.0.113.1')).toBeGreaterThan(await ask('203.0.113.2'));
  });
});

describe('Idempotency-Key', () => {
  it('does the work once and repeats the answer', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    const first = await make(apiKey, key);
    const before = workshop.made;
    const second = await make(apiKey, key);
    expect([second.status, second.body, workshop.made]).toEqual([first.status, first.body, before]);
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
  });

  it('does the work once for requests that come at once', async () => {
    const { apiKey } = await api.organisation();
    const [key, before] = [newId(), workshop.made];
    let open: () => void = () => undefined;
    workshop.gate = new Promise((resolve) => (open = resolve));
    const answers = Promise.all([make(apiKey, key), make(apiKey, key), make(apiKey, key)]);
    setTimeout(open, 100);
    const bodies = (await answers).map(({ status, body }) => ({ status, body }));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(workshop.made).toBe(before + 1);
  });

  it('refuses the same key with another body or on another route', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    await make(apiKey, key);
    const other = await make(apiKey, key, { name: 'b' });
    expect([other.status, codeOf(other)]).toEqual([422, 'idempotency_key_reused']);
    expect((await make(apiKey, key, { name: 'a' }, '/t/runs')).status).toBe(422);
  });

  it('never meets the key of another caller', async () => {
    const [one, two] = [await api.organisation(), await api.organisation()];
    const key = newId();
    await make(one.apiKey, key);
    expect((await make(two.apiKey, key)).headers.get('idempotent-replayed')).toBeNull();
  });

  it('is free again after a failure', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    expect((await make(apiKey, key, { name: 'a', fail: true })).status).toBe(500);
    expect((await make(apiKey, key, { name: 'a' })).status).toBe(201);
    expect((await make(apiKey, newId(), { name: 5 })).status).toBe(400);
  });

  it('names the same resource to every try of one request, and another one to any other', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    workshop.resourceIds.length = 0;
    await make(apiKey, key, { name: 'a', fail: true });
    await make(apiKey, key, { name: 'a', fail: true });
    await make(apiKey, key, { name: 'b', fail: true });
    await make(apiKey, newId(), { name: 'b' });
    await api.request('POST', '/t/things', { apiKey, body: { name: 'b' } });
    const [first, again, other, otherKey, noKey] = workshop.resourceIds;
    expect([again, noKey]).toEqual([first, undefined]);
    expect(new Set([first, other, otherKey]).size).toBe(3);
  });

  it('is free again a day later', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    await make(apiKey, key);
    await api.db.database.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`, [
      key,
    ]);
    expect((await make(apiKey, key, { name: 'b' })).status).toBe(201);
  });

  it('is taken over from a process that died, at once', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    await make(apiKey, key);
    await api.db.database.query(
      `UPDATE idempotency_keys SET status = 'pending', response_status = NULL, instance_id = $2 WHERE key = $1`,
      [key, newId()],
    );
    const answer = await make(apiKey, key);
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([201, null]);
  });

  it('is free again when a living process never noted the answer', async () => {
    const { apiKey } = await api.organisation();
    const key = newId();
    await make(apiKey, key);
    await api.db.database.query(
      `UPDATE idempotency_keys SET status = 'pending', response_status = NULL, created_at = now() - interval '11 minutes'
       WHERE key = $1`,
      [key],
    );
    expect((await make(apiKey, key)).status).toBe(201);
  });

  it('follows the run of a stream instead of making another', async () => {
    const { apiKey } = await api.organisation();
    const [key, before] = [newId(), workshop.made];
    const answers = [
      await make(apiKey, key, { name: 'a' }, '/t/runs'),
      await make(apiKey, key, { name: 'a' }, '/t/runs'),
    ];
    expect(answers[0]?.body).toBe(answers[1]?.body);
    expect(answers.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    expect(workshop.made).toBe(before + 1);
  });

  it('must be plain text of bounded length', async () => {
    const { apiKey } = await api.organisation();
    expect((await make(apiKey, 'x'.repeat(256))).status).toBe(400);
  });
});

describe('CORS', () => {
  it('answers preflights of the origins it was told of, and no others', async () => {
    const open = await startApi({ http: { corsOrigins: ['https://app.example.com'] } }, (config, logger) =>
      ThingsApp.with(config, logger, TABLE),
    );
    const preflight = async (origin: string): Promise<string | null> => {
      const headers = { origin, 'access-control-request-method': 'POST' };
      return (await open.request('OPTIONS', '/t/things', { headers })).headers.get('access-control-allow-origin');
    };
    expect(await preflight('https://app.example.com')).toBe('https://app.example.com');
    expect(await preflight('https://evil.example.com')).toBeNull();
    expect((await open.request('DELETE', '/t/me')).status).toBe(405);
    await open.close();
    expect((await api.request('OPTIONS', '/t/things')).status).toBe(405);
  });
});

describe('a policy table that does not fit', () => {
  it('stops the start', async () => {
    const { 'GET /t/me': _me, ...rest } = TABLE;
    const table: PolicyTable = { ...rest, 'GET /t/gone': { who: ['user'] } };
    await expect(startApi({}, (config, logger) => ThingsApp.with(config, logger, table))).rejects.toThrow(
      /route GET \/t\/me has no row[^]*row GET \/t\/gone of the policy table has no route/,
    );
  });
});
