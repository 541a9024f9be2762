// All heartbeats of a fleet due at one moment: two workers share them, one of which is killed half-way. Real workers and a real
// edge beside gateways in this process, which answer after a second. No agent is asked twice, and what the killed worker had
// under way ends as interrupted. Run after the build: node test/bench/heartbeats.bench.mjs [agents=1000]
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Table, freePort, openDatabase, until } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const AGENTS = Number(process.argv[2] ?? 1000);
const WITHIN_S = 60;
const TURN_MS = 1000;
const SLOT_IN_S = 2;

const database = await openDatabase();
const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-heartbeats-'));
const db = new pg.Client({ connectionString: database.url });
const gateway = await startGateway();
const relayPort = await freePort();
const environment = {
  PATH: process.env.PATH,
  LOG_LEVEL: 'fatal',
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  HOST_ID: 'bench-host',
  JWT_SECRET: randomBytes(32).toString('hex'),
  MASTER_KEY: randomBytes(32).toString('base64'),
  EDGE_RELAY_PORT: String(relayPort),
  EDGE_AGENT_PORT: String(await freePort()),
};
const programs = [];
try {
  await db.connect();
  await insertFleet();
  await start('edge');
  const [first] = [await start('control'), await start('control')];
  await measure(first);
} finally {
  await Promise.all(programs.map(ended));
  await db.end().catch(() => undefined);
  gateway.server.closeAllConnections();
  gateway.server.close();
  await database.close();
  await rm(dataDir, { recursive: true, force: true });
}

async function measure(victim) {
  const table = new Table(`${AGENTS} heartbeats due at one moment, two workers, one killed half-way`);
  await db.query(`UPDATE agent_heartbeats SET next_at = now() + make_interval(secs => $1)`, [SLOT_IN_S]);
  const due = performance.now() + SLOT_IN_S * 1000;
  await until(async () => (await counted(`status <> 'running'`)) >= AGENTS / 2, WITHIN_S * 1000);
  victim.kill('SIGKILL');
  await until(async () => (await counted(`status <> 'running'`)) >= AGENTS, 2 * WITHIN_S * 1000);
  const seconds = (performance.now() - due) / 1000;
  await sleep(3 * TURN_MS);
  const interrupted = await counted(`status = 'failed' AND error_message LIKE 'interrupted%'`);
  table.row('from the slot to the last end', seconds, 's', WITHIN_S);
  table.row('completed', await counted(`status = 'completed'`), '');
  table.row('ended as interrupted', interrupted, '');
  table.row(
    'neither completed nor interrupted',
    (await counted('true')) - interrupted - (await counted(`status = 'completed'`)),
    '',
    0,
  );
  table.row('agents without an execution of the slot', AGENTS - (await counted('true')), '', 0);
  table.row('agents with more than one', (await counted('true')) - (await counted('true', 'DISTINCT agent_id')), '', 0);
  table.row('agents that were asked twice', [...gateway.asked.values()].filter((times) => times > 1).length, '', 0);
  table.finish();
}

async function counted(where, what = '*') {
  const { rows } = await db.query(`SELECT count(${what})::int AS n FROM heartbeat_executions WHERE ${where}`);
  return rows[0].n;
}

/** Running agents as rows; each has a path of its own at the gateway, which so knows whom it answers for. */
async function insertFleet() {
  const orgId = randomUUID();
  await db.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [orgId]);
  await db.query(
    `INSERT INTO hosts (id, runtime, edge_url, capacity_agents) VALUES ('bench-host', 'process', $1, $2)`,
    [`http://127.0.0.1:${relayPort}`, AGENTS],
  );
  await db.query(
    `WITH made AS (
       INSERT INTO agents (id, org_id, name, region, image, status, host_id, epoch, instance_epoch, endpoint)
       SELECT gen_random_uuid(), $1, 'Agent ' || nr, 'eu', 'x', 'running', 'bench-host', 1, 1, $2
         FROM generate_series(1, $3) nr RETURNING id, name)
     INSERT INTO agent_heartbeats (agent_id, org_id, enabled, interval_seconds, checklist)
     SELECT id, $1, true, 7200, ARRAY['Point of ' || id] FROM made`,
    [orgId, `127.0.0.1:${gateway.port}`, AGENTS],
  );
}

/** Stands where all agents are. */
async function startGateway() {
  const asked = new Map();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const bytes of request) body += bytes;
    const agent = /Point of ([0-9a-f-]{36})/.exec(body)?.[1];
    asked.set(agent, (asked.get(agent) ?? 0) + 1);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    await sleep(TURN_MS);
    response.end(
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'All quiet' } }] })}\n\ndata: [DONE]\n\n`,
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, asked, port: server.address().port };
}

async function start(role) {
  const child = spawn(process.execPath, ['--no-warnings', join(ROOT, 'dist/apps/worker/src/main.js')], {
    env: { ...environment, ROLE: role },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  programs.push(child);
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (first !== 'ready') throw new Error(`The program of role ${role} did not start`);
  return child;
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
