// What metering and budgets add to the first token: provider called directly, broker, broker with budgets, in turn in one run.
// A real edge beside a provider in this process. After the build: node test/bench/broker.bench.mjs [calls=1000]
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { signAgentToken } from '#libs/crypto';
import { Table, freePort, openDatabase, quantile, until } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const CALLS = Number(process.argv[2] ?? 1000);
const WARM_UP = 300;
const AT_ONCE = 50;
const TOKENS = 20;
const JWT_SECRET = randomBytes(32).toString('hex');
const HOST = 'bench-host';

const sockets = new Agent({ keepAlive: true, maxSockets: Infinity });
const provider = await startProvider();
const database = await openDatabase();
const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-broker-'));
const port = await freePort();
const db = new pg.Client({ connectionString: database.url });
let edge;
try {
  await db.connect();
  const [plain, limited] = [await addAgent(false), await addAgent(true)];
  edge = await startEdge();
  const ways = {
    'the provider directly': { url: `${provider.url}/v1/chat/completions`, token: 'sk-bench' },
    'the broker': { url: `http://127.0.0.1:${port}/llm/openai/chat/completions`, token: plain },
    'the broker, three budgets': { url: `http://127.0.0.1:${port}/llm/openai/chat/completions`, token: limited },
  };
  await inTurn(ways);
  await atOnce(ways);
  await settled();
} finally {
  if (edge && edge.exitCode === null) {
    const exit = once(edge, 'exit');
    edge.kill('SIGTERM');
    await exit;
  }
  await db.end().catch(() => undefined);
  await database.close();
  sockets.destroy();
  provider.close();
  await rm(dataDir, { recursive: true, force: true });
}

async function startEdge() {
  const child = spawn(process.execPath, ['--no-warnings', join(ROOT, 'dist/apps/worker/src/main.js')], {
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      ROLE: 'edge',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      HOST_ID: HOST,
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(port),
      OPENAI_BASE_URL: `${provider.url}/v1`,
      OPENAI_API_KEY: 'sk-bench',
      EDGE_CALLS_PER_AGENT: '1000',
      JWT_SECRET,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await until(() =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return child;
}

/** A running agent in a swarm, as rows. @returns its token. */
async function addAgent(hasBudgets) {
  const [orgId, swarmId, agentId] = [randomUUID(), randomUUID(), randomUUID()];
  await db.query(`INSERT INTO hosts (id, runtime, capacity_agents) VALUES ($1, 'process', 9) ON CONFLICT DO NOTHING`, [
    HOST,
  ]);
  await db.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', $2)`, [orgId, orgId]);
  await db.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'Bench', 'bench')`, [swarmId, orgId]);
  await db.query(
    `INSERT INTO agents (id, org_id, swarm_id, name, region, image, status, host_id, epoch, instance_epoch, endpoint)
     VALUES ($1, $2, $3, 'Bench', 'eu', 'x', 'running', $4, 1, 1, '127.0.0.1:9')`,
    [agentId, orgId, swarmId, HOST],
  );
  const targets = hasBudgets ? { organisation: orgId, swarm: swarmId, agent: agentId } : {};
  for (const [kind, id] of Object.entries(targets)) {
    await db.query(
      `INSERT INTO budgets (id, org_id, scope_kind, scope_id, day, day_limit_micro_usd, day_limit_tokens,
         month_limit_micro_usd, month_limit_tokens)
       VALUES ($1, $2, $3, $4, (now() AT TIME ZONE 'UTC')::date, 1e15, 1e15, 1e15, 1e15)`,
      [randomUUID(), orgId, kind, id],
    );
  }
  return signAgentToken(JWT_SECRET, { agentId, orgId, hostId: HOST, epoch: 1 });
}

async function inTurn(ways) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let nr = -WARM_UP; nr < CALLS; nr += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const ms = await firstToken(way);
      if (nr >= 0) times[name].push(ms);
    }
  }
  const table = new Table(`First token, ${CALLS} calls of each, one after the other, ${TOKENS} tokens`);
  for (const [name, ms] of Object.entries(times)) table.times(name, ms);
  const p50 = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, quantile(ms, 0.5)]));
  const [direct, broker, limited] = Object.values(p50);
  table.row('the broker adds, p50', broker - direct, 'ms', 2);
  table.row('the broker with metering and budgets adds, p50', limited - direct, 'ms', 2);
  table.row('budgets, as a multiple of the broker without, p50', limited / broker, 'x');
  table.finish();
}

async function atOnce(ways) {
  const table = new Table(`${AT_ONCE} calls at once, 10 times`);
  for (const [name, way] of Object.entries(ways)) {
    const started = performance.now();
    const times = [];
    for (let round = 0; round < 10; round += 1) {
      times.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => firstToken(way)))));
    }
    table.times(name, times);
    table.row(`${name}, calls a second`, (10 * AT_ONCE * 1000) / (performance.now() - started), '');
  }
  table.finish();
}

/** Every call was counted, and nothing is reserved any more. */
async function settled() {
  const rows = async (sql) => Number((await db.query(sql)).rows[0].n);
  await until(async () => (await rows('SELECT count(*) AS n FROM usage_reservations')) === 0);
  const made = 2 * (CALLS + WARM_UP + 10 * AT_ONCE);
  const table = new Table('Settled');
  table.row('calls that were not counted', made - (await rows('SELECT sum(calls) AS n FROM usage_daily')), '', 0);
  table.row(
    'still reserved',
    await rows('SELECT sum(day_held_tokens + month_held_micro_usd) AS n FROM budgets'),
    '',
    0,
  );
  table.finish();
}

function firstToken({ url, token }) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const sent = request(url, {
      method: 'POST',
      agent: sockets,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let first;
      answer.on('data', () => (first ??= performance.now() - started));
      answer.on('error', reject);
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(first) : reject(new Error(`${url}: ${answer.statusCode}`)),
      );
    });
    const messages = [{ role: 'user', content: 'How are you? '.repeat(50) }];
    sent.end(JSON.stringify({ model: 'gpt-5-mini', stream: true, max_completion_tokens: 500, messages }));
  });
}

async function startProvider() {
  const frame = (delta, more = {}) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'bench', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
  const server = createServer(async (req, res) => {
    for await (const piece of req) void piece;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let nr = 0; nr < TOKENS; nr += 1) {
      res.write(frame({ content: `t${nr} ` }));
      await new Promise(setImmediate);
    }
    res.end(`${frame({}, { choices: [], usage: { prompt_tokens: 150, completion_tokens: TOKENS } })}data: [DONE]\n\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
