// A hundred running house agents that have a skill: how soon it has left the last workspace after its content was disabled, and how
// soon it is back after it was enabled again. Run after the build: node test/bench/kill-switch.bench.mjs [agents=100] [process|docker]
// In docker as a user who may read the engine's volumes.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { Table, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const AGENTS = Number(process.argv[2] ?? 100);
const RUNTIME = process.argv[3] ?? 'process';
const GONE_S = 5;
const AT_ONCE = 8;
const SKILL = '---\nname: leaky\ndescription: Leaks.\npermissions:\n  network: [api.example.com]\n---\n\nIt leaks.';

const NAMES = { HOST_ID: 'rookery-bench', EDGE_CONTAINER: 'rookery-bench-edge' };
const LOOK_EVERY_MS = 50;

const docker = new Docker();
const mountpoints = new Map();
const rookery = await openRookery(RUNTIME === 'docker' ? { RUNTIME, ...NAMES } : {});
try {
  await measure();
} finally {
  if (RUNTIME === 'docker') await removeAgents();
  await rookery.close();
  if (RUNTIME === 'docker') await docker.getContainer(NAMES.EDGE_CONTAINER).remove({ force: true });
}

async function measure() {
  const table = new Table(`The kill switch over ${AGENTS} running house agents, ${RUNTIME} runtime`);
  const { digest } = await rookery.call('POST', '/v1/skills', { files: { 'SKILL.md': SKILL } });
  const agents = await makeAgents();
  const installing = performance.now();
  await installOn(agents);
  table.row('installed on all', (performance.now() - installing) / 1000, 's');
  await untilAll(agents, true);

  const disabling = performance.now();
  const seconds = () => (performance.now() - disabling) / 1000;
  await rookery.call('PUT', `/v1/disabled-skills/${digest}`, { reason: 'Leaks' });
  table.row('the answer', seconds(), 's');
  await untilAll(agents, false);
  table.row('gone from the last workspace', seconds(), 's', GONE_S);
  const enabled = await Promise.all(agents.map((id) => rookery.call('GET', `/v1/agents/${id}/skills/leaky`)));
  table.row('agents that still have it enabled', enabled.filter(({ isEnabled }) => isEnabled).length, '', 0);

  const enabling = performance.now();
  await rookery.call('DELETE', `/v1/disabled-skills/${digest}`);
  await untilAll(agents, true);
  table.row('back in the last workspace', (performance.now() - enabling) / 1000, 's');
  table.finish();
}

async function makeAgents() {
  const body = (nr) => ({ name: `agent ${nr}`, secrets: {}, config: { llmProvider: 'demo' } });
  const made = await Promise.all(
    Array.from({ length: AGENTS }, (_, nr) => rookery.call('POST', '/v1/agents', body(nr))),
  );
  await until(async () => {
    await sleep(500);
    const agents = await rookery.call('GET', '/v1/agents');
    return agents.filter(({ status }) => status === 'running').length === AGENTS;
  }, 600_000);
  return made.map(({ id }) => id);
}

async function installOn(agents) {
  const waiting = [...agents];
  const next = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const body = { skillId: 'leaky', trustLevel: 'custom' };
      const { isEnabled } = await rookery.call('POST', `/v1/agents/${id}/skills`, body);
      if (!isEnabled) throw new Error('The skill was not installed in time');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** Asks each only until it is so there. */
async function untilAll(agents, isThere) {
  const left = new Set(agents);
  await until(async () => {
    for (const id of left) if ((await isPlaced(id)) === isThere) left.delete(id);
    if (left.size > 0) await sleep(LOOK_EVERY_MS);
    return left.size === 0;
  }, 300_000);
}

async function isPlaced(id) {
  return existsSync(join(await workspaceOf(id), 'skills/leaky/SKILL.md'));
}

/** On this machine's disk, where looking costs nothing: a look through the engine takes part in what is measured. */
async function workspaceOf(id) {
  if (RUNTIME !== 'docker') return join(rookery.dataDir, 'agents', id, 'workspace');
  if (!mountpoints.has(id)) mountpoints.set(id, (await docker.getVolume(`rookery-agent-${id}`).inspect()).Mountpoint);
  return mountpoints.get(id);
}

async function removeAgents() {
  for (const { id } of await rookery.call('GET', '/v1/agents')) await rookery.call('DELETE', `/v1/agents/${id}`);
}
