// A hundred house agents in the process runtime: how soon they run when they are all asked for at once through the API, how
// soon their processes alone are ready, what they take together when idle, and whether all of them answer. Linux only.
// Run after the build: node test/bench/fleet.bench.mjs [agents=100]
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'agent');
const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=128', '--v8-pool-size=1', '--no-maglev'];
const AGENTS = Number(process.argv[2] ?? 100);
const THROUGH_API_S = 20;
const ALONE_S = 8;
const PSS_MB = 3072;
const SETTLE_MS = 5000;
const STARTS_AT_ONCE = 8;
const CHATS_AT_ONCE = 5;

await measureProcesses();
const rookery = await openRookery();
try {
  await measureFleet();
} finally {
  await rookery.close();
}

/** The same programs with nothing around them, a few starting at a time: more would only take turns. */
async function measureProcesses() {
  const table = new Table(`${AGENTS} house agents, their processes alone`);
  const folder = await mkdtemp(join(tmpdir(), 'rookery-bench-fleet-'));
  const barest = await startAll(startBarest);
  const alone = await startAll(() => startAlone(folder));
  table.row('as many Node servers of one line', barest, 's');
  table.row('from the first spawn to the last ready', alone, 's', ALONE_S);
  table.row('of what the barest take', alone / barest, '×');
  await rm(folder, { recursive: true, force: true });
  table.finish();
}

/** @returns seconds from the first spawn to the last that listens. */
async function startAll(startOne) {
  let starting = 0;
  const started = performance.now();
  const children = [];
  const start = async () => {
    while (children.length + starting < AGENTS) {
      starting++;
      children.push(await startOne());
      starting--;
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, start));
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(children.map((child) => [once(child, 'exit'), child.kill('SIGTERM')][0]));
  return seconds;
}

function startBarest() {
  const server = `require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('listens on'))`;
  return listening(spawn(process.execPath, ['-e', server], { stdio: ['ignore', 'pipe', 'inherit'] }));
}

/** Resolves when the program says that it listens. */
async function startAlone(folder) {
  const workspace = await mkdtemp(join(folder, 'workspace-'));
  const permissions = [`--allow-fs-read=${PROGRAM}`, `--allow-fs-read=${workspace}`, `--allow-fs-write=${workspace}`];
  const child = spawn(process.execPath, [...FLAGS, '--permission', ...permissions, join(PROGRAM, 'main.js')], {
    env: {
      MALLOC_ARENA_MAX: '1',
      ROOKERY_AGENT_ID: randomUUID(),
      ROOKERY_WORKSPACE: workspace,
      ROOKERY_GATEWAY_TOKEN: 'bench',
      ROOKERY_LLM_PROVIDER: 'demo',
      ROOKERY_LLM_BASE_URL: 'http://127.0.0.1:9/llm/demo',
      ROOKERY_LLM_TOKEN: 'bench',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return listening(child);
}

async function listening(child) {
  for await (const said of child.stdout.iterator({ destroyOnReturn: false })) {
    if (!/listens on/.test(said)) continue;
    child.stdout.resume();
    return child;
  }
  throw new Error('An agent did not start');
}

async function measureFleet() {
  const table = new Table(`${AGENTS} house agents through the API, process runtime`);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const made = await Promise.all(
    Array.from({ length: AGENTS }, (_, nr) =>
      rookery.call('POST', '/v1/agents', { name: `agent ${nr}`, secrets: {}, config: { llmProvider: 'demo' } }),
    ),
  );
  table.row('from the first create to the last answer', seconds(), 's');
  await until(async () => (await running()) === AGENTS, 120_000);
  table.row('from the first create to all running', seconds(), 's', THROUGH_API_S);
  await sleep(SETTLE_MS);
  const programs = agentPids();
  table.row('processes', programs.length, '');
  table.row('PSS together, idle', sum(programs.map(pssMb)), 'MB', PSS_MB);
  table.row('PSS of one', sum(programs.map(pssMb)) / programs.length, 'MB');
  const answered = await chatWithAll(made.map(({ id }) => id));
  table.row('agents that did not answer a message', AGENTS - answered, '', 0);
  table.row('PSS together after a message each', sum(agentPids().map(pssMb)), 'MB');
  table.finish();
}

async function running() {
  const agents = await rookery.call('GET', '/v1/agents');
  return agents.filter(({ status }) => status === 'running').length;
}

async function chatWithAll(ids) {
  let answered = 0;
  const waiting = [...ids];
  const talk = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const text = await rookery.text('POST', `/v1/agents/${id}/chat/messages`, { message: 'Hello' });
      if (text.includes('"done"') && text.includes('scripted')) answered++;
    }
  };
  await Promise.all(Array.from({ length: CHATS_AT_ONCE }, talk));
  return answered;
}

/** Of this installation only: its agents' workspaces lie in its data folder. */
function agentPids() {
  return readdirSync('/proc').filter(
    (entry) => /^\d+$/.test(entry) && read(entry, 'cmdline').includes(`--allow-fs-read=${rookery.dataDir}`),
  );
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function pssMb(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup'))?.[1] ?? 0) / 1024;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
