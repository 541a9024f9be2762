import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { signAgentToken } from '#libs/crypto';
import { newId } from '#libs/kernel';
import { PROVIDER_SECRET, type Provider, type SecretOwner, SecretsService } from '#libs/secrets';
import { type TestOrganisation, eventually, testOrganisation } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer } from './testing/scripted-server.js';

const CALLS: Record<Provider, { path: string; header: (credential: string) => Record<string, string> }> = {
  openai: { path: 'chat/completions', header: (token) => ({ authorization: `Bearer ${token}` }) },
  anthropic: { path: 'messages', header: (token) => ({ 'x-api-key': token }) },
  google: {
    path: 'models/gemini-2.5-flash:streamGenerateContent?alt=sse',
    header: (token) => ({ 'x-goog-api-key': token }),
  },
};
const PROVIDERS = Object.keys(CALLS) as Provider[];

describe('the LLM broker', () => {
  const provider = new ScriptedServer();
  let edge: EdgeFixture;
  let organisation: TestOrganisation;

  beforeAll(async () => {
    await provider.start();
    const at = (name: string) => ({ baseUrl: `${provider.url}/${name}/v1`, apiKey: undefined });
    edge = await startEdge({ providers: { openai: at('openai'), anthropic: at('anthropic'), google: at('google') } });
    organisation = await testOrganisation(edge.db.database);
    await store({ kind: 'organisation', id: organisation.orgId }, 'org');
  });
  afterAll(async () => {
    await edge?.close();
    await provider.stop();
  });
  afterEach(() => {
    provider.script = (_request, res) => void res.end('{}');
    provider.requests.length = 0;
  });

  const keyOf = (name: Provider, from: string): string => `${name === 'anthropic' ? 'sk-ant-' : 'sk-'}REAL-${from}`;

  async function store(owner: SecretOwner, from: string): Promise<void> {
    const values = PROVIDERS.map((name) => [PROVIDER_SECRET[name], keyOf(name, from)]);
    await edge.db.database.transaction((tx) =>
      edge.app.get(SecretsService).put(tx, organisation.scope, owner, Object.fromEntries(values) as never),
    );
  }

  function tokenOf(agent: { agentId: string; orgId: string }, epoch = EPOCH, hostId = edge.config.host.id): string {
    return signAgentToken(edge.config.security.jwtSecret, {
      agentId: agent.agentId,
      orgId: agent.orgId,
      hostId,
      epoch,
    });
  }

  function call(name: Provider, token: string, init: RequestInit = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...CALLS[name].header(token), ...init.headers };
    return fetch(`${edge.agentUrl}/llm/${name}/${CALLS[name].path}`, {
      method: 'POST',
      body: '{"a":1}',
      ...init,
      headers,
    });
  }

  it.each(PROVIDERS)('puts the stored key in place of the agent token for %s', async (name) => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const token = tokenOf(agent);
    provider.script = (_request, res) => void res.setHeader('x-request-id', 'r1').end('{"ok":true}');
    const answer = await call(name, token, {
      headers: { cookie: `a=${token}`, 'openai-organization': token, 'x-forwarded-for': '1.2.3.4' },
    });
    expect([answer.status, await answer.json(), answer.headers.get('x-request-id')]).toEqual([200, { ok: true }, 'r1']);
    expect(provider.last.url).toBe(`/${name}/v1/${CALLS[name].path}`);
    expect(provider.last.body).toBe('{"a":1}');
    expect(JSON.stringify(provider.last.headers)).toContain(keyOf(name, 'org'));
    expect(JSON.stringify(provider.last.headers)).not.toContain(token);
    expect(provider.last.headers).not.toHaveProperty('x-forwarded-for');
  });

  it("prefers the agent's own key", async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    await store({ kind: 'agent', id: agent.agentId }, 'own');
    await call('openai', tokenOf(agent));
    expect(provider.last.headers.authorization).toBe(`Bearer ${keyOf('openai', 'own')}`);
  });

  it("notes the key's use once for each run that was under way", async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const run = newId();
    await edge.db.database.query(
      `WITH session AS (INSERT INTO chat_sessions (id, org_id, agent_id, owner) VALUES ($1::text, $2, $3, 'user:x') RETURNING id)
       INSERT INTO runs (id, org_id, agent_id, session_id, instance_id, on_disconnect)
       SELECT $1::uuid, $2, $3, id, gen_random_uuid(), 'cancel' FROM session`,
      [run, agent.orgId, agent.agentId],
    );
    for (let nr = 0; nr < 3; nr += 1) await call('openai', tokenOf(agent));
    const uses = () =>
      edge.db.database.query(
        `SELECT action, resource, metadata FROM audit_events WHERE org_id = $1 AND subject = $2 AND action = 'secret.use'`,
        [agent.orgId, `agent:${agent.agentId}`],
      );
    await eventually(async () => (await uses()).length > 0);
    expect(await uses()).toEqual([{ action: 'secret.use', resource: 'secret:openai_api_key', metadata: { run } }]);
  });

  it('never sends on a key of the query', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    await fetch(`${edge.agentUrl}/llm/google/models/m:generateContent?key=MINE&alt=sse`, {
      method: 'POST',
      headers: CALLS.google.header(tokenOf(agent)),
    });
    expect(provider.last.url).toBe('/google/v1/models/m:generateContent?alt=sse');
  });

  it('streams an answer while it is being made, without waiting for its end', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    let goOn: () => void = () => undefined;
    const read = new Promise<void>((resolve) => (goOn = resolve));
    provider.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
      await read;
      res.end('data: two\n\n');
    };
    const answer = await call('anthropic', tokenOf(agent));
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('data: one\n\n');
    goOn();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('data: two\n\n');
    expect((await reader.read()).done).toBe(true);
  });

  it('breaks its answer off where the provider broke off', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    provider.script = (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n', () => res.destroy());
    };
    const answer = await call('openai', tokenOf(agent));
    await expect(answer.text()).rejects.toThrow('terminated');
  });

  it('tells the provider when the agent leaves, before and during the answer', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    for (const begins of [false, true]) {
      provider.requests.length = 0;
      provider.script = (_request, res) => {
        if (begins) res.writeHead(200).write('x');
      };
      const leaving = new AbortController();
      const answer = call('openai', tokenOf(agent), { signal: leaving.signal });
      answer.catch(() => undefined);
      if (begins) await answer;
      while (provider.requests.length === 0) await sleep(5);
      leaving.abort();
      expect(await provider.last.left).toBe(true);
    }
  });

  it('passes an error of the provider on, with the key blanked', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const key = keyOf('openai', 'org');
    provider.script = (_request, res) => {
      res.writeHead(401, { 'content-type': 'application/json', 'x-echo': key, 'retry-after': '9' });
      res.end(JSON.stringify({ error: { message: `Incorrect API key provided: ${key}` } }));
    };
    const answer = await call('openai', tokenOf(agent));
    expect(answer.status).toBe(401);
    expect(answer.headers.get('retry-after')).toBe('9');
    expect([...answer.headers.values()].join()).not.toContain('REAL');
    expect(await answer.text()).toContain('Incorrect API key provided: [key]');
  });

  it('follows no redirect and hands none on', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    provider.script = (_request, res) => void res.writeHead(307, { location: `${provider.url}/elsewhere` }).end();
    const answer = await call('openai', tokenOf(agent), { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([502, null]);
    expect(provider.requests).toHaveLength(1);
  });

  it('refuses a stale epoch, another host, a deleted agent and any other token, before the provider is asked', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const gone = await edge.agent('127.0.0.1:1', organisation);
    await edge.db.database.query(`UPDATE agents SET desired_state = 'deleted' WHERE id = $1`, [gone.agentId]);
    const stopped = await edge.agent('127.0.0.1:1', organisation);
    await edge.db.database.query('UPDATE agents SET instance_epoch = NULL WHERE id = $1', [stopped.agentId]);
    const tokens = [
      tokenOf(agent, EPOCH - 1),
      tokenOf(agent, EPOCH + 1),
      tokenOf(agent, EPOCH, 'other-host'),
      tokenOf({ ...agent, orgId: newId() }),
      tokenOf(gone),
      tokenOf(stopped),
      'sk-ant-something',
    ];
    for (const token of tokens) {
      const answer = await call('anthropic', token);
      expect([answer.status, await answer.json()]).toEqual([
        401,
        { type: 'error', error: { type: 'authentication_error', message: expect.any(String) } },
      ]);
    }
    expect((await call('anthropic', tokenOf(agent), { headers: { 'x-api-key': '' } })).status).toBe(401);
    expect(provider.requests).toHaveLength(0);
  });

  it('cuts an instance off with its next call once another has been started', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    expect((await call('openai', tokenOf(agent))).status).toBe(200);
    await edge.db.database.query('UPDATE agents SET instance_epoch = $2 WHERE id = $1', [agent.agentId, EPOCH + 1]);
    expect((await call('openai', tokenOf(agent))).status).toBe(401);
    expect((await call('openai', tokenOf(agent, EPOCH + 1))).status).toBe(200);
  });

  it('says which secret is missing', async () => {
    const agent = await edge.agent('127.0.0.1:1');
    const answer = await call('google', tokenOf(agent));
    expect(answer.status).toBe(401);
    const body = (await answer.json()) as { error: { message: string; status: string } };
    expect(body.error.status).toBe('UNAUTHENTICATED');
    expect(body.error.message).toContain('google_api_key');
    expect(provider.requests).toHaveLength(0);
  });

  it('knows only the listed calls', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const headers = CALLS.openai.header(tokenOf(agent));
    for (const [method, path] of [
      ['GET', 'openai/files'],
      ['POST', 'openai/models/x/../../files'],
      ['POST', 'nobody/chat/completions'],
      ['DELETE', 'openai/models/x'],
    ] as const) {
      const answer = await fetch(`${edge.agentUrl}/llm/${path}`, { method, headers });
      expect(answer.status).toBe(404);
    }
    expect(provider.requests).toHaveLength(0);
  });

  it('refuses a body beyond 32 MiB, announced or not', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const mebibyte = Buffer.alloc(1024 * 1024, 0x20);
    const announced = await call('openai', tokenOf(agent), { body: Buffer.alloc(33 * 1024 * 1024) });
    expect(announced.status).toBe(413);
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1;
        if (sent > 40) controller.close();
        else controller.enqueue(mebibyte);
      },
    });
    const init = { body: stream, duplex: 'half' } as RequestInit;
    const status = await call('openai', tokenOf(agent), init).then(
      (answer) => answer.status,
      () => 'cut',
    );
    expect([413, 'cut']).toContain(status);
    expect(provider.requests).toHaveLength(0);
  });

  it('says so when the provider cannot be reached', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    await provider.stop();
    try {
      const answer = await call('openai', tokenOf(agent));
      expect([answer.status, await answer.json()]).toEqual([
        502,
        {
          error: expect.objectContaining({ code: 'provider_unreachable', message: expect.stringContaining('OpenAI') }),
        },
      ]);
    } finally {
      await provider.start();
    }
  });

  it('answers demo calls itself, to present instances only', async () => {
    const agent = await edge.agent('127.0.0.1:1');
    const ask = (token: string): Promise<Response> =>
      fetch(`${edge.agentUrl}/llm/demo/chat/completions`, {
        method: 'POST',
        headers: CALLS.openai.header(token),
        body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: '[[echo hello]]' }] }),
      });
    expect((await ask(tokenOf(agent, EPOCH - 1))).status).toBe(401);
    expect(await (await ask(tokenOf(agent))).text()).toContain('hello');
  });

  it('is let in by nobody while Postgres is away, and recovers by itself', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    const name = new URL(edge.db.url).pathname.slice(1);
    const admin = (sql: string): Promise<unknown> => edge.db.database.query(sql);
    await admin(`ALTER TABLE agents RENAME TO agents_away`);
    expect((await call('openai', tokenOf(agent))).status).toBe(500);
    await admin(`ALTER TABLE agents_away RENAME TO agents`);
    await admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
    );
    let status = 0;
    for (let tries = 0; tries < 20 && status !== 200; tries += 1) {
      const answer = await call('openai', tokenOf(agent));
      status = answer.status;
      expect([200, 503]).toContain(status);
      if (status === 503) expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect(status).toBe(200);
  });
});

describe('the LLM broker in the docker runtime', () => {
  const provider = new ScriptedServer();
  let edge: EdgeFixture;

  beforeAll(async () => {
    await provider.start();
    edge = await startEdge({
      runtime: 'docker',
      providers: { openai: { baseUrl: provider.url, apiKey: 'sk-platform' } },
    });
  });
  afterAll(async () => {
    await edge?.close();
    await provider.stop();
  });

  it("takes a token only from its agent's own address", async () => {
    const near = await edge.agent('127.0.0.1:18789');
    const far = await edge.agent('10.213.0.2:18789', near);
    const ask = ({ agentId, orgId }: typeof near, method: string, path: string): Promise<Response> => {
      const claims = { agentId, orgId, hostId: edge.config.host.id, epoch: EPOCH };
      const token = signAgentToken(edge.config.security.jwtSecret, claims);
      return fetch(`${edge.agentUrl}/llm/openai/${path}`, { method, headers: CALLS.openai.header(token) });
    };
    expect((await ask(near, 'GET', 'models')).status).toBe(200);
    expect((await ask(far, 'GET', 'models')).status).toBe(401);
    expect((await ask(near, 'POST', 'chat/completions')).status).toBe(200);
    expect((await ask(far, 'POST', 'chat/completions')).status).toBe(401);
    expect(provider.requests).toHaveLength(2);
    expect(provider.last.headers.authorization).toBe('Bearer sk-platform');
  });
});
