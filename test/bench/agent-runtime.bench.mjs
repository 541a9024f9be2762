// What the house runtime costs: time to ready, memory idle and after many chats, and what it adds to the first token.
// Run after the build: node test/bench/agent-runtime.bench.mjs [chats=2000]
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'dist', 'agent');
const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=128', '--v8-pool-size=1', '--no-maglev'];
const TOKEN = 'bench-gateway-token';
const SPAWNS = 20;
const CHATS = Number(process.argv[2] ?? 2000);
const SESSIONS = 25;
const TARGETS = {
  readyP95Ms: 250,
  idleRssMb: 80,
  idlePrivateMb: 30,
  after50RssMb: 115,
  afterAllRssMb: 145,
  leavingP99Ms: 50,
};

const keepAlive = new Agent({ keepAlive: true });
const folder = await mkdtemp(join(tmpdir(), 'rookery-bench-agent-'));
const provider = await startDemoModel();
const running = new Set();
const failures = [];

try {
  if (!existsSync(join(program, 'main.js'))) throw new Error('dist/agent/main.js is missing: npm run build');
  await measureReady();
  const agent = await startAgent();
  await measureMemory(agent);
  await measureFirstToken(agent);
  await measureLeaving(agent);
  await measureManyAtOnce(agent);
  await stop(agent);
} finally {
  for (const child of running) child.kill('SIGKILL');
  provider.server.closeAllConnections();
  provider.server.close();
  await rm(folder, { recursive: true, force: true });
}
for (const failure of failures) console.log(`MISSED ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;

async function measureReady() {
  const times = [];
  const barest = [];
  for (let index = 0; index < SPAWNS; index += 1) {
    const agent = await startAgent();
    times.push(agent.readyMs);
    await stop(agent);
    const server = await startBarest();
    barest.push(server.readyMs);
    await stop(server);
  }
  report('ready, p50', quantile(times, 0.5), 'ms');
  report('ready, p95', quantile(times, 0.95), 'ms', TARGETS.readyP95Ms);
  report('a Node server of one line ready, p50', quantile(barest, 0.5), 'ms');
  report('a Node server of one line ready, p95', quantile(barest, 0.95), 'ms');
}

async function measureMemory(agent) {
  await sleep(1000);
  const idle = await memory(agent.child.pid);
  report('idle RSS', idle.rss, 'MB', TARGETS.idleRssMb);
  report('idle private', idle.private, 'MB', TARGETS.idlePrivateMb);
  report('idle PSS', idle.pss, 'MB');
  let done = 0;
  const marks = [50, ...[0.25, 0.5, 0.75, 1].map((part) => Math.round(CHATS * part))].filter((mark) => mark <= CHATS);
  for (const mark of marks) {
    await runChats(agent, done, mark);
    done = mark;
    const used = await memory(agent.child.pid);
    const limit = mark === 50 ? TARGETS.after50RssMb : TARGETS.afterAllRssMb;
    report(`after ${mark} chats RSS`, used.rss, 'MB', limit);
    console.log(`    private ${used.private.toFixed(1)} MB, PSS ${used.pss.toFixed(1)} MB`);
  }
}

/** Turns of 25 sessions, 5 at a time. */
async function runChats(agent, from, to) {
  let next = from;
  const turns = agent.turns;
  const worker = async () => {
    while (next < to) {
      const session = `session-${next % SESSIONS}`;
      next += 1;
      const before = turns.get(session) ?? 0;
      turns.set(session, before + 2);
      const text = `Message ${before} of ${session}: ${'tell me more about it '.repeat(8)}`;
      await chat(agent.url, { session, turn: before, text });
    }
  };
  // Sessions come round every 25 turns, so no two of these are ever in the same one.
  await Promise.all(Array.from({ length: 5 }, worker));
}

async function measureFirstToken(agent) {
  const direct = [];
  const through = [];
  for (let index = 0; index < 220; index += 1) {
    const straight = await chat(provider.url, { text: 'hello', direct: true });
    const relayed = await chat(agent.url, { session: `first-${index}`, turn: 0, text: 'hello' });
    if (index < 20) continue;
    direct.push(straight.firstMs);
    through.push(relayed.firstMs);
  }
  report('first token from the provider, p50', quantile(direct, 0.5), 'ms');
  report('first token through the agent, p50', quantile(through, 0.5), 'ms');
  report('first token added by the agent, p50', quantile(through, 0.5) - quantile(direct, 0.5), 'ms');
  report('first token added by the agent, p99', quantile(through, 0.99) - quantile(direct, 0.99), 'ms');
}

/** From the client's leaving to the provider's connection being closed. */
async function measureLeaving(agent) {
  const times = [];
  for (let index = 0; index < 100; index += 1) {
    const closed = once(provider.calls, 'closed');
    const leftAt = await leaveAfterFirstText(agent.url);
    const [closedAt] = await closed;
    times.push(closedAt - leftAt);
  }
  report('leaving reaches the provider, p50', quantile(times, 0.5), 'ms');
  report('leaving reaches the provider, p99', quantile(times, 0.99), 'ms', TARGETS.leavingP99Ms);
}

async function measureManyAtOnce(agent) {
  const startedAt = performance.now();
  const chats = Array.from({ length: 50 }, (_, index) =>
    chat(agent.url, { session: `many-${index}`, turn: 0, text: '[[slow 200x0ms]]' }),
  );
  const words = (await Promise.all(chats)).map((reply) => reply.words);
  const seconds = (performance.now() - startedAt) / 1000;
  const total = words.reduce((sum, count) => sum + count, 0);
  report('50 streams of 200 words at once', total / seconds, 'words/s');
  if (total !== 10_000) failures.push(`50 streams lost ${10_000 - total} words`);
  report('RSS afterwards', (await memory(agent.child.pid)).rss, 'MB', TARGETS.afterAllRssMb);
}

function leaveAfterFirstText(base) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const req = request(`${base}/chat/completions`, { method: 'POST', agent: false, headers }, (res) => {
      res.on('error', () => {});
      res.once('data', () => {
        req.destroy();
        resolve(performance.now());
      });
    });
    req.on('error', reject);
    req.end(JSON.stringify({ stream: true, messages: [{ role: 'user', content: '[[slow 1000x20ms]]' }] }));
  });
}

async function startAgent() {
  const workspace = await mkdtemp(join(folder, 'workspace-'));
  await writeFile(join(workspace, 'SOUL.md'), 'Your name is Ada. You are brief.\n');
  const port = await freePort();
  const access = [`--allow-fs-read=${program}`, `--allow-fs-read=${workspace}`, `--allow-fs-write=${workspace}`];
  const args = [...FLAGS, '--permission', ...access, join(program, 'main.js')];
  return started(args, environment(workspace, port), port);
}

/** What this machine takes for a Node program that listens, whatever it is. */
async function startBarest() {
  const port = await freePort();
  return started(['-e', `http.createServer((req, res) => res.end()).listen(${port}, '127.0.0.1')`], {}, port);
}

async function started(args, env, port) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  const url = `http://127.0.0.1:${port}/v1`;
  while ((await statusOf(`http://127.0.0.1:${port}/readyz`)) !== 200) {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`);
    await sleep(2);
  }
  return { child, url, readyMs: performance.now() - startedAt, turns: new Map() };
}

function environment(workspace, port) {
  return {
    MALLOC_ARENA_MAX: '1',
    ROOKERY_AGENT_ID: 'bench',
    ROOKERY_BIND: '127.0.0.1',
    ROOKERY_PORT: String(port),
    ROOKERY_WORKSPACE: workspace,
    ROOKERY_GATEWAY_TOKEN: TOKEN,
    ROOKERY_INSTANCE_NONCE: 'bench',
    ROOKERY_LLM_PROVIDER: 'demo',
    ROOKERY_LLM_BASE_URL: provider.url,
    ROOKERY_LLM_TOKEN: 'bench-agent-token',
  };
}

async function stop(agent) {
  const exited = once(agent.child, 'exit');
  agent.child.kill('SIGTERM');
  await exited;
  running.delete(agent.child);
}

async function startDemoModel() {
  const outfile = join(folder, 'demo-model.mjs');
  const entry = join(root, 'libs', 'demo-model', 'src', 'index.ts');
  await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile });
  const { handleDemoModel } = await import(outfile);
  const calls = new EventEmitter();
  const server = createServer((req, res) => {
    res.once('close', () => {
      if (!res.writableFinished) calls.emit('closed', performance.now());
    });
    void handleDemoModel(req, res, { wordDelayMs: 0 });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, calls, url: `http://127.0.0.1:${server.address().port}` };
}

/** One streamed chat; resolves when it ended whole. */
function chat(base, { session, turn, text, direct = false }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let firstMs;
    let tail = '';
    let words = 0;
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
    if (!direct) Object.assign(headers, { 'x-openclaw-session-key': session, 'x-rookery-turn': String(turn) });
    const req = request(`${base}/chat/completions`, { method: 'POST', agent: keepAlive, headers }, (res) => {
      res.setEncoding('utf8');
      res.on('data', (data) => {
        if (firstMs === undefined && data.includes('"content":')) firstMs = performance.now() - startedAt;
        words += data.split('"content":').length - 1;
        tail = (tail + data).slice(-400);
      });
      res.on('end', () => {
        if (res.statusCode === 200 && tail.includes('data: [DONE]')) resolve({ firstMs, words });
        else reject(new Error(`chat failed with ${res.statusCode}: ${tail}`));
      });
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(JSON.stringify({ model: 'demo', stream: true, messages: [{ role: 'user', content: text }] }));
  });
}

async function memory(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { rss: mb('Rss'), pss: mb('Pss'), private: mb('Private_Clean') + mb('Private_Dirty') };
}

function report(name, value, unit, target) {
  const missed = target !== undefined && value > target;
  if (missed) failures.push(name);
  const goal = target === undefined ? '' : `  (target <= ${target})${missed ? '  MISSED' : ''}`;
  console.log(`${name.padEnd(42)} ${value.toFixed(1).padStart(8)} ${unit}${goal}`);
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
}

function statusOf(url) {
  return new Promise((resolve) => {
    const req = request(url, { agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode);
    });
    req.on('error', () => resolve(undefined));
    req.end();
  });
}

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
