// What each hop adds to the first token of a chat: provider, broker, agent's gateway, whole chain, measured in turn.
// Real programs (API, worker, edge, agent) beside a provider in this process, and beside the barest API and relay that do the
// same (bare-chain.mjs): what those add is what this machine takes for the hops themselves. After the build: node test/bench/chat.bench.mjs [turns=300]
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { gatewayToken, signAgentToken } from '#libs/crypto';
import { SCOPES } from '#libs/kernel';
import { Table, openDatabase, quantile, until } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const TURNS = Number(process.argv[2] ?? 300);
const WARM_UP = 300;
const TURNS_PER_SESSION = 25;
const STREAMS = 50;
const TOKENS = 200;
const LEAVINGS = 100;
const JWT_SECRET = randomBytes(32).toString('hex');
const KEY = `ak_live_${randomBytes(16).toString('hex')}`;

const sockets = new Agent({ keepAlive: true, maxSockets: Infinity });
const provider = await startProvider();
const database = await openDatabase();
const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-chat-'));
await chmod(dataDir, 0o711);
const ports = { api: await freePort(), relay: await freePort(), agents: await freePort() };
const environment = {
  PATH: process.env.PATH,
  NODE_ENV: 'development',
  LOG_LEVEL: 'warn',
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  HOST_ID: 'bench-host',
  PORT: String(ports.api),
  EDGE_RELAY_PORT: String(ports.relay),
  EDGE_AGENT_PORT: String(ports.agents),
  EDGE_URL: `http://127.0.0.1:${ports.relay}`,
  OPENAI_BASE_URL: `${provider.url}/v1`,
  RATE_LIMIT_PER_MINUTE: '1000000000',
  ROOKERY_STOP_AGENTS_ON_EXIT: '1',
  JWT_SECRET,
};
const children = [];
let bare;
const db = new pg.Client({ connectionString: database.url });
try {
  await db.connect();
  await addKey();
  children.push(program('api', {}), program('worker', { ROLE: 'edge' }), program('worker', { ROLE: 'host' }));
  await until(async () => (await fetch(api('/readyz')).catch(() => undefined))?.status === 200, 60_000);
  const agent = await createAgent();
  bare = await startBare(agent);
  await measureFirstToken(agent);
  await measureStreams(agent);
  await measureLeaving(agent);
} finally {
  for (const child of children.reverse()) await ended(child);
  await db.end().catch(() => undefined);
  await database.close();
  sockets.destroy();
  provider.close();
  await rm(dataDir, { recursive: true, force: true });
}

function api(path) {
  return `http://127.0.0.1:${ports.api}${path}`;
}

function program(name, extra) {
  return spawn(process.execPath, ['--no-warnings', join(ROOT, `dist/apps/${name}/src/main.js`)], {
    env: { ...environment, ...extra },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

async function ended(child) {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function addKey() {
  const [orgId, userId] = [randomUUID(), randomUUID()];
  await db.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [orgId]);
  await db.query(`INSERT INTO users (id, email, full_name) VALUES ($1, 'bench@example.test', 'Bench')`, [userId]);
  await db.query(`INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, 'OWNER')`, [orgId, userId]);
  await db.query(
    `INSERT INTO api_keys (id, org_id, created_by, name, prefix, key_hash, scopes) VALUES ($1, $2, $3, 'bench', $4, $5, $6)`,
    [randomUUID(), orgId, userId, KEY.slice(0, 16), createHash('sha256').update(KEY).digest(), [...SCOPES]],
  );
}

async function createAgent() {
  const body = {
    name: 'Bench',
    secrets: { openaiApiKey: 'sk-bench' },
    config: { llmProvider: 'openai', model: 'bench' },
  };
  const answer = await fetch(api('/v1/agents'), {
    method: 'POST',
    headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { data } = await answer.json();
  if (data?.status !== 'running') throw new Error(`The agent is not running: ${answer.status} ${JSON.stringify(data)}`);
  const { rows } = await db.query('SELECT id, org_id, host_id, endpoint, instance_epoch FROM agents WHERE id = $1', [
    data.id,
  ]);
  return rows[0];
}

/** The barest API before the barest relay before the agent's gateway, and the barest broker before the provider. */
async function startBare(agent) {
  const started = async (ROLE, extra) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'bare-chain.mjs')], {
      env: { ...environment, ROLE, KEY, GATEWAY: `http://${agent.endpoint}`, ...extra },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = await once(child.stdout, 'data');
    return String(line).trim();
  };
  const broker = await started('broker', { AGENT: agent.id, GATEWAY: provider.url });
  return { api: await started('api', { RELAY: await started('relay', {}) }), broker };
}

/** The six ways to the same provider. Each answers with the same stream; sessions of the last three are equally long. */
function waysTo(agent) {
  const epoch = Number(agent.instance_epoch);
  const claims = { agentId: agent.id, orgId: agent.org_id, hostId: agent.host_id, epoch };
  const completion = (message) => ({ model: 'bench', stream: true, messages: [{ role: 'user', content: message }] });
  return {
    provider: (message) => ({
      url: `${provider.url}/v1/chat/completions`,
      headers: { authorization: 'Bearer sk-bench' },
      body: completion(message),
    }),
    broker: (message) => ({
      url: `http://127.0.0.1:${ports.agents}/llm/openai/chat/completions`,
      headers: { authorization: `Bearer ${signAgentToken(JWT_SECRET, claims)}` },
      body: completion(message),
    }),
    'barest broker': (message) => ({
      url: `${bare.broker}/v1/chat/completions`,
      headers: { authorization: 'Bearer sk-bench' },
      body: completion(message),
    }),
    gateway: (message, sessionId, turn) => ({
      url: `http://${agent.endpoint}/v1/chat/completions`,
      headers: {
        authorization: `Bearer ${gatewayToken(JWT_SECRET, agent.id, epoch)}`,
        'x-openclaw-session-key': `direct-${sessionId}`,
        'x-rookery-turn': String(2 * turn),
      },
      body: completion(message),
    }),
    'barest chain': (message, sessionId, turn) => ({
      url: `${bare.api}/chat`,
      headers: { 'x-api-key': KEY },
      body: {
        message,
        session: `bare-${sessionId}`,
        turn: String(2 * turn),
        token: `Bearer ${gatewayToken(JWT_SECRET, agent.id, epoch)}`,
      },
    }),
    chain: (message, sessionId) => ({
      url: api(`/v1/agents/${agent.id}/chat/messages`),
      headers: { 'x-api-key': KEY },
      body: { message, sessionId },
    }),
  };
}

async function newSession(agent) {
  const answer = await fetch(api(`/v1/agents/${agent.id}/chat/sessions`), {
    method: 'POST',
    headers: { 'x-api-key': KEY },
  });
  return (await answer.json()).data.id;
}

async function measureFirstToken(agent) {
  const ways = waysTo(agent);
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  let sessionId;
  for (let turn = -WARM_UP; turn < TURNS; turn += 1) {
    const turnOfSession = (turn + WARM_UP) % TURNS_PER_SESSION;
    if (turnOfSession === 0) sessionId = await newSession(agent);
    for (const [name, way] of Object.entries(ways)) {
      const { firstMs } = await stream(way('[5]', sessionId, turnOfSession));
      if (turn >= 0) times[name].push(firstMs);
    }
  }
  const table = new Table(`First token, ${TURNS} turns of each, one after the other, 5 tokens`);
  for (const [name, ms] of Object.entries(times)) table.times(name, ms);
  const added = (label, to, from, most) => {
    for (const [q, name] of [
      [0.5, 'p50'],
      [0.99, 'p99'],
    ]) {
      table.row(`${label}, ${name}`, quantile(times[to], q) - quantile(times[from], q), 'ms', most[name]);
    }
  };
  added('API and relay add to the gateway', 'chain', 'gateway', { p50: 4, p99: 12 });
  added('the barest API and relay add to the gateway', 'barest chain', 'gateway', {});
  added('the broker adds to the provider', 'broker', 'provider', { p50: 1.5 });
  added('the barest broker adds to the provider', 'barest broker', 'provider', {});
  added('the whole chain adds to the provider', 'chain', 'provider', { p50: 10, p99: 30 });
  const median = (to, from) => quantile(times[to], 0.5) - quantile(times[from], 0.5);
  const barest = median('barest chain', 'gateway');
  table.row('API and relay, of what the barest add', median('chain', 'gateway') / barest, '×');
  table.row('broker, of what the barest adds', median('broker', 'provider') / median('barest broker', 'provider'), '×');
  table.finish();
}

async function measureStreams(agent) {
  const { chain } = waysTo(agent);
  const sessions = await Promise.all(Array.from({ length: STREAMS }, () => newSession(agent)));
  const started = performance.now();
  const replies = await Promise.all(sessions.map((sessionId) => stream(chain(`[${TOKENS}]`, sessionId))));
  const seconds = (performance.now() - started) / 1000;
  const expected = tokens(TOKENS).join('');
  const table = new Table(`${STREAMS} chats at once, ${TOKENS} tokens each`);
  table.row('streams that lost or changed text', replies.filter(({ text }) => text !== expected).length, '', 0);
  table.row('tokens a second', (STREAMS * TOKENS) / seconds, '');
  table.finish();
}

async function measureLeaving(agent) {
  const { chain } = waysTo(agent);
  const times = [];
  for (let nr = 0; nr < LEAVINGS; nr += 1) {
    const sessionId = await newSession(agent);
    const left = provider.nextLeft();
    const chat = await stream(chain('[hang]', sessionId), true);
    const at = performance.now();
    chat.leave();
    times.push((await left) - at);
    await sleep(5);
  }
  const table = new Table(`A client's leaving reaches the provider, ${LEAVINGS} times`);
  table.times('client → API → relay → agent → broker → provider', times, { p99: 50 });
  table.finish();
}

/** Posts and reads the stream to its end, or only to its first text. */
function stream({ url, headers, body }, onlyFirst = false) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const content = JSON.stringify(body);
    const sent = request(url, {
      method: 'POST',
      agent: sockets,
      headers: { ...headers, 'content-type': 'application/json' },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let [raw, firstMs] = ['', undefined];
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        raw += piece;
        if (firstMs !== undefined || !raw.includes('t0 ')) return;
        firstMs = performance.now() - started;
        if (onlyFirst) resolve({ leave: () => sent.destroy() });
      });
      answer.on('error', () => undefined);
      answer.on('end', () => {
        if (firstMs === undefined) reject(new Error(`${url}: ${answer.statusCode} ${raw}`));
        else resolve({ firstMs, text: textOf(raw) });
      });
    });
    sent.end(content);
  });
}

/** The text of a stream in either form. */
function textOf(raw) {
  const frames = raw.matchAll(/^data: (\{.*\})$/gm);
  return Array.from(frames, ([, json]) => JSON.parse(json))
    .map((frame) => frame.content ?? frame.choices?.[0]?.delta?.content ?? '')
    .join('');
}

function tokens(count) {
  return Array.from({ length: count }, (_, nr) => `t${nr} `);
}

/** An OpenAI-compatible provider: `[n]` asks for n tokens, `[hang]` for one and then nothing. */
async function startProvider() {
  let leftNow = () => undefined;
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const piece of req) body += piece;
    const message = JSON.parse(body).messages.at(-1).content;
    const asked = /\[(\d+|hang)\]/.exec(typeof message === 'string' ? message : JSON.stringify(message))?.[1];
    const frame = (delta, more = {}) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'bench', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    if (asked === 'hang') {
      res.on('close', () => leftNow(performance.now()));
      res.write(frame({ content: 't0 ' }));
      return;
    }
    for (const content of tokens(Number(asked))) {
      res.write(frame({ content }));
      await new Promise(setImmediate);
    }
    res.write(frame({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
    const usage = { prompt_tokens: 1, completion_tokens: Number(asked), total_tokens: 1 + Number(asked) };
    res.end(`${frame({}, { choices: [], usage })}data: [DONE]\n\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    nextLeft: () => new Promise((resolve) => (leftNow = resolve)),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
