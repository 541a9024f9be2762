// How soon an agent is back after kill -9: of its worker and itself at once, and of its worker while it is being made. The launcher starts
// a worker again. Linux only. Run after the build: node test/bench/recovery.bench.mjs [rounds=5]
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
const MOST_MS = 15_000;
const PATIENCE_MS = 60_000;
/** The launcher waits longer before each start of a program that crashed a moment ago. */
const STEADY_MS = 31_000;

const rookery = await openRookery();
try {
  const table = new Table(`Back after kill -9, ${ROUNDS} rounds`);
  const [killed, made] = [[], []];
  const { id } = await create('Killed');
  for (let round = 0; round < ROUNDS; round += 1) {
    await sleep(STEADY_MS);
    killed.push(await backAfter(id, [workerPid(), agentPid(id)]));
    await sleep(STEADY_MS);
    const creation = create(`Made ${round}`);
    await sleep(150 + 100 * round);
    const worker = workerPid();
    const started = performance.now();
    process.kill(worker, 'SIGKILL');
    const { id: fresh } = await creation;
    await until(() => answers(fresh), PATIENCE_MS);
    made.push(performance.now() - started);
  }
  table.times('worker and agent killed, to the next answer', killed, { p50: MOST_MS });
  table.times('worker killed while it makes one, to the first answer', made, { p50: MOST_MS });
  table.finish();
} finally {
  await rookery.close();
}

function create(name) {
  return rookery.call('POST', '/v1/agents', { name, secrets: {}, config: { llmProvider: 'demo' } });
}

async function backAfter(id, pids) {
  await until(() => answers(id), PATIENCE_MS);
  const started = performance.now();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until(() => answers(id), PATIENCE_MS);
  return performance.now() - started;
}

/** Whether a text came from the agent; asked not too often while it is away. */
async function answers(id) {
  const said = await rookery
    .text('POST', `/v1/agents/${id}/chat/messages`, { message: 'Are you back?' })
    .catch(() => sleep(50, ''));
  return /"content":"[^"]/.test(said);
}

function workerPid() {
  return JSON.parse(readFileSync(join(rookery.dataDir, 'children.json'), 'utf8')).worker.pid;
}

function agentPid(id) {
  const pid = readdirSync('/proc').find((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/environ`, 'utf8').includes(`ROOKERY_AGENT_ID=${id}`);
    } catch {
      return false;
    }
  });
  if (pid === undefined) throw new Error(`No process of the agent ${id} was found`);
  return Number(pid);
}
