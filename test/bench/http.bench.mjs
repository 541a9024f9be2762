// What the HTTP edge costs: GET /v1/agents/:id with an API key (credential, exact limit, policy, one query, access log)
// beside a bare Nest + Fastify + JWT route with one named pg statement, in turns, 50 connections each.
// Run after the build: node test/bench/http.bench.mjs [seconds=4] [rounds=3]. Uses wrk where it is installed.
import 'reflect-metadata';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { Database, openDataSource } from '#libs/database';
import { createFirstAdmin } from '#libs/identity';
import { Table, openDatabase, quantile } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const SECONDS = Number(process.argv[2] ?? 4);
const ROUNDS = Number(process.argv[3] ?? 3);
const CONNECTIONS = 50;
const MOST_TIMES_SLOWER = 2;
const JWT_SECRET = 'a-secret-of-the-bench-0123456789abcdef';
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

const database = await openDatabase();
const servers = [];
try {
  const { agentId, apiKey } = await openAgent();
  const api = await startServer('dist/apps/api/src/main.js', {
    NODE_ENV: 'test',
    HOST_ID: 'bench-host',
    DATA_DIR: join(database.dir, 'data'),
    JWT_SECRET,
    MASTER_KEY: JWT_SECRET,
    RATE_LIMIT_PER_MINUTE: '2000000000',
  });
  const bare = await startServer('test/bench/bare-api.mjs', { JWT_SECRET });
  const { token } = await (await fetch(`${bare}/token`)).json();
  const targets = {
    bare: { url: `${bare}/agents/${agentId}`, header: ['authorization', `Bearer ${token}`] },
    ours: { url: `${api}/v1/agents/${agentId}`, header: ['x-api-key', apiKey] },
    me: { url: `${api}/api/v1/auth/me`, header: ['x-api-key', apiKey] },
  };
  await measure(targets);
} finally {
  for (const server of servers) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  await database.close();
}

async function measure(targets) {
  const rates = { bare: [], ours: [], me: [] };
  for (const target of Object.values(targets)) await load(target, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, target] of Object.entries(targets)) rates[name].push(await load(target, SECONDS));
  }
  const median = (name) => quantile(rates[name], 0.5);
  const table = new Table(
    `${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s, ${hasWrk ? 'wrk' : 'node:http'}`,
  );
  table.row('bare Nest + Fastify + JWT + named statement', median('bare'), 'req/s');
  table.row('GET /v1/agents/:id with an API key', median('ours'), 'req/s');
  table.row('GET /api/v1/auth/me with an API key', median('me'), 'req/s');
  table.row('bare over GET /v1/agents/:id', median('bare') / median('ours'), 'times', MOST_TIMES_SLOWER);
  table.finish();
}

/** An agent that exists on paper only: nothing runs while HTTP is measured. */
async function openAgent() {
  const dataSource = await openDataSource(database.url);
  const sql = new Database(dataSource);
  const { orgId, apiKey } = await createFirstAdmin(sql, { email: 'bench@example.test', organisation: 'Bench' });
  const agentId = randomUUID();
  await sql.query(
    `INSERT INTO agents (id, org_id, name, region, image, desired_state, status) VALUES ($1, $2, 'bench', 'eu', 'i', 'stopped', 'stopped')`,
    [agentId, orgId],
  );
  await dataSource.destroy();
  return { agentId, apiKey };
}

/** Starts a program that answers on a port of its own choosing and says `http://…` when it listens. */
async function startServer(program, env) {
  const server = spawn(process.execPath, [join(ROOT, program)], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(server);
  const url = await new Promise((resolve, reject) => {
    let text = '';
    server.once('exit', () => reject(new Error(`${program} ended before it listened`)));
    server.stdout.on('data', function read(chunk) {
      text += chunk;
      const address = /http:\/\/[\d.]+:\d+/.exec(text);
      if (!address) return;
      server.stdout.off('data', read).resume();
      resolve(address[0]);
    });
  });
  return url;
}

async function load(target, seconds) {
  const { status } = await fetch(target.url, { headers: [target.header] });
  if (status !== 200) throw new Error(`${target.url} answered ${status}`);
  return hasWrk ? wrk(target, seconds) : pump(target, seconds);
}

async function wrk({ url, header: [name, value] }, seconds) {
  const child = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-H', `${name}: ${value}`, url]);
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  if (/Non-2xx/.test(text)) throw new Error(text);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
}

async function pump({ url, header: [name, value] }, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const until = performance.now() + seconds * 1_000;
  let count = 0;
  const one = () =>
    new Promise((resolve, reject) => {
      get(url, { agent, headers: { [name]: value } }, (response) => {
        response.resume().on('end', resolve);
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      }).on('error', reject);
    });
  const connection = async () => {
    while (performance.now() < until) {
      await one();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return count / seconds;
}
