// What API, worker and edge take while nothing happens: memory (PSS) and processor time, without agents or with so many in the
// runtime in memory. Linux only. Run after the build: node test/bench/idle.bench.mjs [seconds=30] [agents=0]
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const SECONDS = Number(process.argv[2] ?? 30);
const AGENTS = Number(process.argv[3] ?? 0);
const AT_ONCE = 8;
const SETTLE_MS = 15_000;
const PSS_MB = 450;
const CPU_PERCENT = 3;
const TICKS_PER_SECOND = 100;
const PROGRAM = /dist\/apps\/(api|worker)\/src\/main\.js/;

const rookery = await openRookery(AGENTS > 0 ? { RUNTIME: 'fake', HOST_CAPACITY: String(AGENTS) } : {});
try {
  await createAgents();
  await sleep(SETTLE_MS);
  const programs = descendants(rookery.pid).filter((pid) => PROGRAM.test(read(pid, 'cmdline')));
  if (programs.length !== 3) throw new Error(`Expected API, worker and edge, found ${programs.length} programs`);
  const before = programs.map(ticks);
  await sleep(SECONDS * 1000);
  const table = new Table(`API, worker and edge with nothing to do for ${AGENTS} agents, ${SECONDS} s`);
  programs.forEach((pid) => table.row(`PSS of ${name(pid)}`, pssMb(pid), 'MB'));
  const spent = sum(programs.map((pid, nr) => ticks(pid) - before[nr]));
  table.row('PSS together', sum(programs.map(pssMb)), 'MB', AGENTS > 0 ? undefined : PSS_MB);
  table.row('processor time, of one core', (spent / TICKS_PER_SECOND / SECONDS) * 100, '%', CPU_PERCENT);
  table.finish();
} finally {
  await rookery.close();
}

async function createAgents() {
  let left = AGENTS;
  const creator = async () => {
    while (left > 0) {
      left -= 1;
      const body = { name: `Agent ${left}`, secrets: {}, config: { llmProvider: 'demo' } };
      const { status } = await rookery.call('POST', '/v1/agents', body);
      if (status !== 'running') throw new Error(`The agent is ${status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, creator));
}

function descendants(root) {
  const parents = new Map(
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => [Number(pid), Number(stat(pid)[1])]),
  );
  const found = new Set([root]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** The fields of /proc/<pid>/stat after the program's name: state, parent, … */
function stat(pid) {
  return read(pid, 'stat')
    .replace(/^.*\) /, '')
    .split(' ');
}

function ticks(pid) {
  return Number(stat(pid)[11]) + Number(stat(pid)[12]);
}

function pssMb(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup'))[1]) / 1024;
}

function name(pid) {
  return /ROLE=edge/.test(read(pid, 'environ')) ? 'edge' : PROGRAM.exec(read(pid, 'cmdline'))[1];
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
